"""What the replicas of cases are asked, as the arrays that the modes work on."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tokonomics.measure.assumptions import has_mixed_lengths, tpot_limit_s
from tokonomics.measure.case import Case
from tokonomics.measure.modes.load import Load
from tokonomics.physics.constants import EngineConstants


def case_load(cases: Sequence[Case]) -> Load:
    """What the replicas of `cases` are asked, as arrays of shape (cases,)."""

    def column(value: Callable[[Case], float]) -> NDArray[np.float64]:
        return np.array([value(case) for case in cases], dtype=float)

    return Load(
        input_tokens=column(lambda case: case.input_tokens),
        output_tokens=column(lambda case: case.output_tokens),
        depth_tokens=column(lambda case: case.note.depth_tokens),
        step_budget_tokens=column(lambda case: case.replica.deployment.step_budget_tokens),
        num_sequences=column(lambda case: (case.num_sequences or 1) / case.num_working),
        num_held=column(lambda case: case.replica.box.max_batch(case.input_tokens + case.output_tokens / 2.0)),
        num_requests=column(_num_requests),
        offered_requests_per_s=column(
            lambda case: (case.measurement.offered_requests_per_s or math.nan) / case.num_replicas
        ),
        limit_s=column(lambda case: tpot_limit_s(case.measurement) or math.nan),
        request_overhead_s=column(lambda case: _serving(case).request_overhead_s),
        token_overhead_s=column(lambda case: _serving(case).token_overhead_s),
        num_admission_steps=column(lambda case: _serving(case).num_admission_steps),
        decode_only=np.array([case.note.is_decode_only for case in cases], dtype=bool),
        mixed_lengths=np.array([has_mixed_lengths(case.measurement.dataset) for case in cases], dtype=bool),
    )


def _num_requests(case: Case) -> float:
    """Requests of the run on a replica that works; a queue or an open loop of no stated length may be endless."""
    num = case.run.num_requests if case.measurement.mode == "concurrency" else case.note.num_requests
    return (num or math.inf) / case.num_working


def _serving(case: Case) -> EngineConstants:
    return case.replica.deployment.constants
