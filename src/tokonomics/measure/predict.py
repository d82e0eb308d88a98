"""What the physics says of every measurement of a corpus, mode by mode, whole arrays at a time."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.measure.assumptions import tpot_limit_s
from tokonomics.measure.case import Case, CaseBuilder, NoCase
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.loads import case_load
from tokonomics.measure.modes.closed_loop import closed_loop
from tokonomics.measure.modes.load import Load, Speed
from tokonomics.measure.modes.offline import offline_max
from tokonomics.measure.modes.open_loop import open_loop
from tokonomics.measure.modes.single import single_phase
from tokonomics.measure.modes.static_batch import static_batch
from tokonomics.measure.replay import replayed_speed, replays
from tokonomics.physics.step import StepModel, stack_step_models
from tokonomics.physics.uncertainty import Z90

METRICS: Final = ("output_tokens_per_s", "prefill_tokens_per_s", "tpot_s", "ttft_s")
"""Quantities that are predicted and judged; `Measurement` and `Prediction` have a field for each."""

_SPEED_OF_MODE: Final[Mapping[str, Callable[[StepModel, Load], Speed]]] = {
    "offline-max": offline_max,
    "batch": static_batch,
    "concurrency": closed_loop,
    "rate": open_loop,
    "single-prefill": single_phase,
    "single-decode": single_phase,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What the physics says of one measurement, for the whole system; None where it says nothing.

    `reason` says why there is no prediction at all, "" where there is one. `exclusion` says why the measurement judges
    nothing. `sd_log` is the standard deviation of the logarithm, by `METRICS`. The ids are those of the catalogue and
    the physics, "" where the name is unknown.
    """

    measurement: Measurement
    model: str
    accelerator: str
    precision: str
    engine: str
    exclusion: str
    reason: str
    output_tokens_per_s: float | None = None
    prefill_tokens_per_s: float | None = None
    tpot_s: float | None = None
    ttft_s: float | None = None
    sd_log: tuple[float | None, ...] = (None,) * len(METRICS)

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 10-90 % interval of `metric`; None without a prediction or a spread."""
        value, sd = getattr(self, metric), self.sd_log[METRICS.index(metric)]
        if value is None or sd is None:
            return None
        return value * math.exp(-Z90 * sd), value * math.exp(Z90 * sd)

    @property
    def is_known(self) -> bool:
        """Whether the catalogue has the model and the accelerator."""
        return bool(self.model and self.accelerator)


def predict_corpus(corpus: Sequence[Measurement], catalog: Catalog) -> tuple[Prediction, ...]:
    """Predict every measurement of `corpus`, in its order."""
    builder = CaseBuilder(catalog)
    return predict_cases(builder, corpus, [ready_case(builder.case(row)) for row in corpus])


def predict_cases(
    builder: CaseBuilder, corpus: Sequence[Measurement], cases: Sequence[Case | NoCase]
) -> tuple[Prediction, ...]:
    """Predict the `cases` of `corpus`, without intervals."""
    speeds = {**_speeds(cases), **replayed_values(cases)}
    return tuple(_prediction(builder, row, case, speeds.get(i)) for i, (row, case) in enumerate(zip(corpus, cases)))


def ready_case(case: Case | NoCase) -> Case | NoCase:
    """The case, if what its mode needs beyond lengths is there."""
    if isinstance(case, NoCase):
        return case
    row = case.measurement
    needs = {
        "concurrency": (case.num_sequences, "the number of requests in flight is not stated"),
        "batch": (case.num_sequences, "the size of the batch is not stated"),
        "rate": (row.offered_requests_per_s or tpot_limit_s(row), "neither a rate nor a latency limit is stated"),
    }
    value, reason = needs.get(row.mode, (1, ""))
    if not value:
        return NoCase(reason=reason)
    if row.mode in ("offline-max", "rate", "concurrency") and case.output_tokens < 1:
        return NoCase(reason="no output tokens, in a mode that measures whole requests")
    return case


def _speeds(cases: Sequence[Case | NoCase]) -> Mapping[int, tuple[float | None, ...]]:
    """Values of `METRICS` for the whole system, by the index of the case."""
    found: dict[int, tuple[float | None, ...]] = {}
    for mode, speed in _SPEED_OF_MODE.items():
        chosen = [(i, case) for i, case in enumerate(cases) if isinstance(case, Case) and case.measurement.mode == mode]
        if not chosen:
            continue
        held = [case for _, case in chosen]
        with np.errstate(divide="ignore", invalid="ignore"):
            values = speed(stack_step_models([case.replica.step_model for case in held]), case_load(held))
        found |= _by_index(chosen, values)
    return found


def replayed_values(cases: Sequence[Case | NoCase]) -> Mapping[int, tuple[float | None, ...]]:
    """Values of `METRICS` for the whole system, by the index of the case, for those that a replay answers."""
    chosen = [(i, case) for i, case in enumerate(cases) if isinstance(case, Case) and replays(case)]
    if not chosen:
        return {}
    found = _by_index(chosen, replayed_speed([case for _, case in chosen]))
    return {i: values for i, values in found.items() if any(value is not None for value in values)}


def _by_index(chosen: Sequence[tuple[int, Case]], speed: Speed) -> dict[int, tuple[float | None, ...]]:
    columns = [np.broadcast_to(getattr(speed, name), len(chosen)) for name in METRICS]
    return {
        i: _whole_system(case, [float(column[place]) for column in columns]) for place, (i, case) in enumerate(chosen)
    }


def _whole_system(case: Case, values: Sequence[float]) -> tuple[float | None, ...]:
    """Rates of all replicas that work; what is not finite and positive is nothing."""
    total = case.num_working
    scaled = [value * total if name.endswith("per_s") else value for name, value in zip(METRICS, values)]
    return tuple(value if math.isfinite(value) and value > 0 else None for value in scaled)


def speed_of_mode(mode: str) -> Callable[[StepModel, Load], Speed]:
    """What answers a mode of measurement."""
    return _SPEED_OF_MODE[mode]


def _prediction(
    builder: CaseBuilder, row: Measurement, case: Case | NoCase, values: tuple[float | None, ...] | None
) -> Prediction:
    names = builder.names(row)
    return Prediction(
        measurement=row,
        model=names.model.id if names.model else "",
        accelerator=names.accelerator.id if names.accelerator else "",
        precision=names.precision or "",
        engine=names.engine.engine,
        exclusion=builder.note(row).exclusion,
        reason=case.reason if isinstance(case, NoCase) else "",
        **dict(zip(METRICS, values or (None,) * len(METRICS))),  # type: ignore[arg-type]  # METRICS are fields
    )
