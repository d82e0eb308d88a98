"""What load costs: predictions of open-loop runs as USD per million output tokens, against the rate that was offered.

An accelerator costs the same at every load, so few requests share its hour: the penalty of a rate is what its tokens
cost over the cheapest that the same system reached.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tokonomics.errors import MissingFact
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.names import name_rows
from tokonomics.measure.note import read_note
from tokonomics.measure.predict import Prediction
from tokonomics.units import usd_per_mtok


@dataclass(frozen=True, kw_only=True, slots=True)
class RatePoint:
    """One run of a system at an offered rate: measured and predicted USD per million output tokens of all its GPUs."""

    prediction: Prediction
    system: str
    offered_requests_per_s: float
    measured_usd_per_mtok: float
    usd_per_mtok: float

    @property
    def off_frac(self) -> float:
        """Predicted over measured, less 1."""
        return self.usd_per_mtok / self.measured_usd_per_mtok - 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PenaltyCurve:
    """USD per token at each offered rate over the least of the system, measured and predicted."""

    system: str
    offered_requests_per_s: tuple[float, ...]
    measured_ratio: tuple[float, ...]
    predicted_ratio: tuple[float, ...]


def source_gpu_usd_per_hour(row: Measurement) -> float:
    """What the source of `row` says that one GPU costs; raises MissingFact where it says nothing."""
    for known in name_rows("source_prices"):
        if known["source_id"] == row.source_id and known["gpu"] == row.gpu:
            return float(known["gpu_usd_per_hour"])
    raise MissingFact(
        f"no price of {row.gpu or 'the accelerator'} for source {row.source_id}; add it to source_prices.csv"
    )


def rate_points(
    predictions: Iterable[Prediction], *, source_id: str, input_tokens: float, output_tokens: float
) -> tuple[RatePoint, ...]:
    """The Poisson runs of a source with requests of these lengths that are predicted, by system and rate."""

    def is_wanted(row: Measurement) -> bool:
        shape = (row.input_tokens, row.output_tokens) == (input_tokens, output_tokens)
        return row.source_id == source_id and row.mode == "rate" and shape and _is_poisson(row)

    points = (_point(one) for one in predictions if is_wanted(one.measurement) and not one.exclusion)
    return tuple(sorted((p for p in points if p), key=lambda p: (p.system, p.offered_requests_per_s)))


def penalty_curves(points: Sequence[RatePoint]) -> tuple[PenaltyCurve, ...]:
    """The penalty of every system with three rates or more; runs that repeat a rate count with their mean cost."""
    held: dict[str, dict[float, list[RatePoint]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        held[point.system][point.offered_requests_per_s].append(point)
    return tuple(_curve(system, rates) for system, rates in held.items() if len(rates) > 2)


def _point(one: Prediction) -> RatePoint | None:
    row, predicted = one.measurement, one.output_tokens_per_s
    if not row.output_tokens_per_s or not row.offered_requests_per_s or not predicted:
        return None
    hourly_usd = source_gpu_usd_per_hour(row) * (row.num_gpus or 1)
    gpus = f" on {row.num_gpus}" if row.num_gpus and row.num_gpus > 1 else ""
    return RatePoint(
        prediction=one,
        system=f"{row.engine} {one.model} {row.weight_dtype}{gpus}",
        offered_requests_per_s=row.offered_requests_per_s,
        measured_usd_per_mtok=float(usd_per_mtok(hourly_usd, row.output_tokens_per_s)),
        usd_per_mtok=float(usd_per_mtok(hourly_usd, predicted)),
    )


def _is_poisson(row: Measurement) -> bool:
    return read_note(row.note).arrival_shape_ratio == 1.0


def _curve(system: str, rates: dict[float, list[RatePoint]]) -> PenaltyCurve:
    def ratios(value: Callable[[RatePoint], float]) -> tuple[float, ...]:
        costs = np.array([np.mean([value(point) for point in rates[rate]]) for rate in sorted(rates)])
        return tuple((costs / costs.min()).tolist())

    return PenaltyCurve(
        system=system,
        offered_requests_per_s=tuple(sorted(rates)),
        measured_ratio=ratios(lambda point: point.measured_usd_per_mtok),
        predicted_ratio=ratios(lambda point: point.usd_per_mtok),
    )
