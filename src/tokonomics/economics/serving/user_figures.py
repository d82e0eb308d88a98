"""Figures typed in by a user, held against the laws: nothing passes the roofline, and batch = throughput x latency.

A figure is refused only when it cannot be. The bounds are taken at their most generous: all of the memory, perfect
overlap, no overhead, no context where none is stated, and for a mixture of experts only the experts of a single token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.decode_formulas import running_sequences
from tokonomics.economics.serving.roofline import RooflineBound, roofline_bound
from tokonomics.economics.serving.stack_assumptions import assumed_figures
from tokonomics.errors import Infeasible, InputError, TokonomicsError, raise_all
from tokonomics.physics.capacity import memory_box, require_fit
from tokonomics.physics.constants import ideal_constants
from tokonomics.physics.deployment import Deployment
from tokonomics.units import GB, MS, TB

_ROUNDING = 1.0 + 1e-9
_NO_LIMIT = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFigure:
    """What somebody says of a replica. Any two of batch, throughput and latency give the third.

    `output_tokens_per_s` counts all sequences of the replica, `itl_s` is the mean time of a token of one of them.
    """

    num_sequences: float | None = None
    output_tokens_per_s: float | None = None
    itl_s: float | None = None
    context_tokens: float = 0.0

    def __post_init__(self) -> None:
        checks = Checks().at_least(1, num_sequences=self.num_sequences).non_negative(context_tokens=self.context_tokens)
        checks.positive(output_tokens_per_s=self.output_tokens_per_s, itl_s=self.itl_s).done()

    @property
    def running_sequences(self) -> float | None:
        """Sequences running: as stated, else by Little's law; None where neither is possible."""
        if self.num_sequences is not None or self.output_tokens_per_s is None or self.itl_s is None:
            return self.num_sequences
        return running_sequences(output_tokens_per_s=self.output_tokens_per_s, itl_s=self.itl_s)

    @property
    def tokens_per_s(self) -> float | None:
        """Throughput: as stated, else batch over latency."""
        if self.output_tokens_per_s is not None or self.num_sequences is None or self.itl_s is None:
            return self.output_tokens_per_s
        return self.num_sequences / self.itl_s


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFigure:
    """A figure that can be, beside the bound that it stays below."""

    figure: UserFigure
    bound_tokens_per_s: float
    bound_frac: float
    binds: str


def check_figure(dep: Deployment, figure: UserFigure) -> CheckedFigure:
    """Return `figure` beside its bound, or refuse it with everything that is wrong with it.

    Raises: Infeasible where the model, or the batch at its context, does not fit; InputError where the throughput
    passes the roofline, or throughput x latency is not the batch.
    """
    rate = figure.tokens_per_s
    if rate is None:
        raise InputError("nothing to check: give tok_s, or batch and ms")
    dep = _most_generous(dep)
    misfits = list(_misfits(dep, figure))
    error: type[TokonomicsError] = Infeasible if misfits else InputError
    raise_all([*misfits, *_identity(figure), *_above(dep, figure)], error)
    bound = figure_bound(dep, figure)
    limit = float(bound.output_tokens_per_s)
    return CheckedFigure(figure=figure, bound_tokens_per_s=limit, bound_frac=rate / limit, binds=str(bound.binds))


def figure_bound(dep: Deployment, figure: UserFigure) -> RooflineBound:
    """The roofline at the batch and context of `figure`; where it names no batch, at the largest that memory holds."""
    batch = figure.running_sequences or max(
        memory_box(_most_generous(dep)).max_batch(max(figure.context_tokens, 1.0)), 1
    )
    return roofline_bound(dep, batch, figure.context_tokens, fewest_experts=True)


def _most_generous(dep: Deployment) -> Deployment:
    """The deployment on an engine that keeps nothing of the memory for itself and has no limit of its own."""
    ideal = ideal_constants()
    return replace(dep, constants=replace(ideal, memory_use_frac=1.0), max_sequences=_NO_LIMIT)


def identity_problem(figure: UserFigure) -> str:
    """Name a batch that is not throughput x latency; empty where it is, or where one of the three is not stated.

    >>> identity_problem(UserFigure(num_sequences=32, output_tokens_per_s=1850, itl_s=0.0346))
    'tok_s=1,850 x ms=34.6 is batch 64, not batch=32; one of the three is of another run; correct it or leave it out'
    """
    return next(_identity(figure), "")


def _identity(figure: UserFigure) -> Iterator[str]:
    rate, gap_s, stated = figure.output_tokens_per_s, figure.itl_s, figure.num_sequences
    if rate is None or gap_s is None or stated is None:
        return
    implied = running_sequences(output_tokens_per_s=rate, itl_s=gap_s)
    if abs(implied / stated - 1.0) > assumed_figures("figures")["identity_tolerance_frac"]:
        yield (
            f"tok_s={rate:,.4g} x ms={gap_s / MS:.4g} is batch {implied:,.3g}, not batch={stated:,.4g};"
            " one of the three is of another run; correct it or leave it out"
        )


def _misfits(dep: Deployment, figure: UserFigure) -> Iterator[str]:
    context = max(figure.context_tokens, 1.0)
    try:
        box = require_fit(dep, context_tokens=context)
    except Infeasible as misfit:
        yield from misfit.violations
        return
    batch = figure.running_sequences
    each, held = float(box.kv.sequence_bytes(context)), box.max_batch(context)
    if batch is not None and batch >= held + 1:
        yield (
            f"batch={batch:,.4g} of {context:,.0f} tokens does not fit: KV={batch * each / GB:.1f} GB a GPU;"
            f" room={box.kv_room_bytes / GB:.1f} GB; at most {held:,} run, use fewer or shorter sequences"
        )


def _above(dep: Deployment, figure: UserFigure) -> Iterator[str]:
    rate, bound = figure.tokens_per_s, figure_bound(dep, figure)
    limit = float(bound.output_tokens_per_s)
    if rate is None or rate <= limit * _ROUNDING:
        return
    batch = float(bound.batch_sequences)
    bandwidth = dep.accelerator.memory_bandwidth_bytes_per_s or 0.0
    why = {
        "bandwidth": f"a step reads {float(bound.memory_s) * bandwidth / GB:.1f} GB a GPU at {bandwidth / TB:.2f} TB/s",
        "compute": f"a step takes {float(bound.compute_s) / MS:.2f} ms of arithmetic at the full rate",
        "communication": f"a step takes {float(bound.link_s) / MS:.2f} ms on the link",
    }[str(bound.binds)]
    yield (
        f"tok_s={rate:,.4g} is above the roofline of {dep.model.id} on {dep.name} at batch {batch:,.4g}"
        f" and context {figure.context_tokens:,.0f}: limit={limit:,.4g} tok/s, because {why};"
        " state the batch and the context that it was measured at, or the precision and the GPUs"
    )
