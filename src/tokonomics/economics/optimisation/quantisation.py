"""What fewer bits buy: bytes always, arithmetic only where the part has units for them, and less as batches grow."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.roofline import roofline_bound
from tokonomics.physics.deployment import deployment
from tokonomics.physics.formats import compute_rate_flop_per_s, weight_format
from tokonomics.physics.step import step_model, step_time
from tokonomics.physics.weights import weight_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatChange:
    """One format against another for a model on a part.

    `bits_ratio` is the speed-up that counting bits promises; `size_ratio` what the new weights take of the old in
    memory, scales and unquantised layers included. `computes_as` is the rate the new format multiplies at,
    `compute_ratio` that over the old one's.
    """

    old: str
    new: str
    bits_ratio: float
    size_ratio: float
    computes_as: str
    compute_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatGain:
    """How many times as fast a decode step is in the new format, at one batch: at best, and on the engine."""

    batch: int
    bound_ratio: float
    engine_ratio: float


def format_change(model: Model, part: Accelerator, old: str, new: str) -> FormatChange:
    """Compare two weight formats. Raises: UnknownName for a format; MissingFact for a rate that `part` lacks.

    Source: the article, section 3, halves the size with INT4 and quotes 4 times for the speed; the audit has 0.282.
    """
    formats = [weight_format(name) for name in (old, new)]
    sizes = [weight_bytes(model, fmt).resident_bytes for fmt in formats]
    (_, old_rate), (dtype, new_rate) = (compute_rate_flop_per_s(part, fmt) for fmt in formats)
    nominal = [round(fmt.weight_bits) for fmt in formats]
    return FormatChange(
        old=old,
        new=new,
        bits_ratio=nominal[0] / nominal[1],
        size_ratio=sizes[1] / sizes[0],
        computes_as=dtype,
        compute_ratio=new_rate / old_rate,
    )


def format_gains(
    model: Model,
    part: Accelerator,
    old: str,
    new: str,
    *,
    batches: Sequence[int],
    context_tokens: float,
    engine: str = "vllm",
    num_gpus: int = 1,
) -> tuple[FormatGain, ...]:
    """The gain of a decode step at each batch, on the same accelerators whether both formats fit them or not.

    Kernels that unpack 4-bit weights lose more at large batches than the physics knows: published measurements fall
    to 0.5 times at batch 256, and below 1 from batch 8 for some kernels. See `docs/model-cards/stack.md`.
    """
    checks = Checks().non_negative(context_tokens=context_tokens)
    for batch in batches:
        checks.at_least(1, batch=batch)
    checks.done()
    pair = [deployment(model, part, precision=name, engine=engine, tensor_parallel=num_gpus) for name in (old, new)]
    bounds = [roofline_bound(dep, list(batches), context_tokens).step_s for dep in pair]
    steps = [step_time(step_model(dep), list(batches), context_tokens).total_s for dep in pair]
    return tuple(
        FormatGain(
            batch=batch,
            bound_ratio=float(bounds[0][i] / bounds[1][i]),
            engine_ratio=float(steps[0][i] / steps[1][i]),
        )
        for i, batch in enumerate(batches)
    )
