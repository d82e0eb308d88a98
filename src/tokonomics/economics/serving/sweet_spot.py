"""The batch that a sweep recommends by itself, and the batches from which another constraint binds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class SweetSpot:
    """The batch of the largest power: throughput over latency, which doubling either way would lower.

    The shares are of the last batch of the sweep. `is_last`: the sweep ends before the power does, so memory or the
    engine binds first and every batch pays.
    """

    batch: int
    throughput_frac: float
    latency_frac: float
    is_last: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstraintChange:
    """From `batch` on, `binds` limits."""

    batch: int
    binds: str


def sweet_spot(batches: Sequence[float], tokens_per_s: Sequence[float], latency_s: Sequence[float]) -> SweetSpot:
    """The batch with the most throughput per latency, the smallest of equals.

    Source: Kleinrock 1979, "Power and deterministic rules of thumb": for a step of a + b x batch it is a / b, where
    latency has doubled. It puts the article's own label at the article's own batch.

    >>> sweet_spot([16, 32, 64, 128], [480, 880, 1520, 2100], [0.033, 0.036, 0.042, 0.061]).batch
    64
    """
    checks = Checks().that(len(batches) > 0, "no batch to choose from; sweep at least one")
    checks.that(len(batches) == len(tokens_per_s) == len(latency_s), "batches, rates and latencies differ in number")
    checks.positive(**{f"latency_s at batch {batch:g}": one for batch, one in zip(batches, latency_s)}).done()
    powers = [rate / latency for rate, latency in zip(tokens_per_s, latency_s, strict=True)]
    best = powers.index(max(powers))
    return SweetSpot(
        batch=round(batches[best]),
        throughput_frac=tokens_per_s[best] / tokens_per_s[-1],
        latency_frac=latency_s[best] / latency_s[-1],
        is_last=best == len(powers) - 1,
    )


def constraint_changes(batches: Sequence[float], binds: Sequence[str], limit: str = "") -> tuple[ConstraintChange, ...]:
    """The batch from which each constraint binds, the first included; `limit` names what ends the sweep.

    >>> constraint_changes([1, 2, 4, 8], ["bandwidth", "bandwidth", "compute", "compute"], "capacity")[1:]
    (ConstraintChange(batch=4, binds='compute'), ConstraintChange(batch=8, binds='capacity'))
    """
    runs = groupby(zip(batches, binds, strict=True), key=lambda pair: pair[1])
    changes = [ConstraintChange(batch=round(next(run)[0]), binds=str(name)) for name, run in runs]
    last = [ConstraintChange(batch=round(batches[-1]), binds=limit)] if limit and len(batches) else []
    return (*changes, *last)
