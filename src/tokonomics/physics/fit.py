"""What of a model fits on an accelerator: the memory box of one layout, and the largest batches and contexts."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.errors import Infeasible, MissingFact
from tokonomics.physics.capacity import MemoryBox, memory_box, require_fit
from tokonomics.physics.deployment import Deployment, deployment


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """One layout and its memory at a context.

    `max_batch` sequences of `context_tokens` run at once (0: not even one); `max_context_tokens` is the longest context
    of a single sequence; `binds` says what stops a larger batch: weights, kv, or sequences (the engine's own limit).
    `num_sequences` are wanted at once.
    """

    deployment: Deployment
    box: MemoryBox
    context_tokens: float
    max_batch: int
    max_context_tokens: int
    num_sequences: int = 1

    @property
    def num_replicas(self) -> int:
        """Replicas that hold all wanted sequences at once; 0 where none holds even one."""
        return ceil(self.num_sequences / self.max_batch) if self.max_batch else 0

    @property
    def num_gpus(self) -> int:
        """Accelerators of all replicas."""
        return self.num_replicas * self.deployment.num_gpus

    @property
    def shared_context_tokens(self) -> int:
        """Longest context of each of the wanted sequences where one replica holds them all; 0 where it cannot."""
        return self.box.max_context_tokens(self.num_sequences)

    @property
    def kv_sequence_bytes(self) -> float:
        """KV cache of one sequence on each accelerator."""
        return float(self.box.kv.sequence_bytes(self.context_tokens))

    @property
    def binds(self) -> str:
        """What stops a larger batch."""
        if not self.box.fits:
            return "weights"
        return "sequences" if self.max_batch >= self.box.max_sequences else "kv"


def fit(dep: Deployment, *, context_tokens: float, num_sequences: int = 1) -> Fit:
    """Work out what fits of `dep` at `context_tokens`; MissingFact when the part has no memory size."""
    box = memory_box(dep)
    return Fit(
        deployment=dep,
        box=box,
        context_tokens=context_tokens,
        max_batch=box.max_batch(context_tokens),
        max_context_tokens=box.max_context_tokens(1),
        num_sequences=num_sequences,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Layouts:
    """Which layouts to try: numbers of accelerators a replica, smallest first, and the formats."""

    gpus_per_replica: tuple[int, ...] = (1, 2, 4, 8)
    precision: str | None = None
    kv_format: str | None = None
    engine: str = "vllm"

    def deployments(self, model: Model, part: Accelerator) -> tuple[Deployment, ...]:
        """The layouts on `part`; more than one accelerator only where they are linked."""
        return tuple(
            deployment(
                model,
                part,
                precision=self.precision,
                kv_format=self.kv_format,
                engine=self.engine,
                tensor_parallel=num_gpus,
            )
            for num_gpus in self.gpus_per_replica
            if num_gpus == 1 or part.link_bytes_per_s is not None
        )


def smallest_fit(
    model: Model, part: Accelerator, layouts: Layouts, *, context_tokens: float, num_sequences: int = 1
) -> Fit:
    """The one of `layouts` that holds `num_sequences` of `context_tokens` on the fewest accelerators in all.

    Raises Infeasible, with what would help, when none does.
    """
    tried = layouts.deployments(model, part)
    if not tried:
        raise MissingFact(f"{part.id} has no link rate in the catalogue, so only one of it can be used; add the rate")
    fits = (fit(dep, context_tokens=context_tokens, num_sequences=num_sequences) for dep in tried)
    holding = [one for one in fits if one.max_batch >= 1]
    if holding:
        return min(holding, key=lambda one: (one.num_gpus, one.deployment.num_gpus))
    require_fit(tried[-1], context_tokens=context_tokens)
    raise AssertionError("require_fit raises where no batch fits")


def smallest_fits(
    model: Model, parts: Iterable[Accelerator], layouts: Layouts, *, context_tokens: float, num_sequences: int = 1
) -> tuple[tuple[Fit, ...], tuple[str, ...]]:
    """The smallest layout on each part, fewest accelerators and largest batch first, and why others are left out."""
    found: list[Fit] = []
    left_out: list[str] = []
    for part in parts:
        try:
            found.append(smallest_fit(model, part, layouts, context_tokens=context_tokens, num_sequences=num_sequences))
        except (Infeasible, MissingFact) as reason:
            left_out.extend(reason.violations)
    return tuple(sorted(found, key=lambda one: (one.num_gpus, -one.max_batch))), tuple(left_out)
