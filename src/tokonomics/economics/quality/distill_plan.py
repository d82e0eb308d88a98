"""The return of a distillation from what a user says: dated defaults where there is a row, other figures required."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Explanation, Term, unit_of
from tokonomics.economics.figures.inputs import assumed_term, stated_problems, stated_term
from tokonomics.economics.quality.distillation_roi import Distillation, DistillationRoi, distillation_roi
from tokonomics.errors import InputError
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_MONTH

REQUIRED: Final = (
    "num_samples",
    "sample_input_tokens",
    "sample_output_tokens",
    "num_runs",
    "training_gpu_hours",
    "evaluation_usd",
    "engineer_hours",
)
DEFAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "teacher_input_usd_per_mtok": ("reference", "api_input_usd_per_mtok"),
    "teacher_output_usd_per_mtok": ("reference", "api_output_usd_per_mtok"),
    "training_usd_per_hour": ("reference", "gpu_usd_per_hour"),
    "engineer_usd_per_hour": ("hidden_costs", "engineer_usd_per_hour"),
}
OPTIONAL: Final = (
    "deployment_usd_per_month",
    "retraining_months",
    "refresh_frac",
    "retraining_engineer_hours",
)
SERVED: Final = ("served_teacher_usd_per_mtok", "served_student_usd_per_mtok")
_COUNTS: Final = ("num_samples", "num_runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanQuestion:
    """Figures by name, None where not given, and the volumes (tokens a month) to solve for."""

    stated: Mapping[str, float | None]
    volumes: tuple[float, ...]
    horizon_months: float = 12.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A plan with its return at every volume, in the order given.

    `whole_net_usd_per_month` is the net saving where accelerators run around the clock and come whole: as many as the
    volume needs for the teacher, less those for the student, less upkeep (None: a served price was stated).
    """

    inputs: Mapping[str, Term]
    horizon_months: float
    volumes_tokens_per_month: tuple[float, ...]
    returns: tuple[DistillationRoi, ...]
    whole_net_usd_per_month: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A model of the table as it is served: its price when full, its rate on one accelerator, USD of that."""

    full_usd_per_mtok: float
    rate_tokens_per_s: float
    gpu_usd_per_hour: float

    def whole_usd_per_month(self, volume_tokens_per_month: float) -> float:
        """Whole accelerators around the clock, as many as a volume needs."""
        count = math.ceil(volume_tokens_per_month / (self.rate_tokens_per_s * SECONDS_PER_MONTH))
        return count * self.gpu_usd_per_hour * HOURS_PER_MONTH


def is_asked(stated: Mapping[str, float | None], volumes: tuple[float, ...]) -> bool:
    """Whether the user gave any figure of a plan."""
    return bool(volumes) or any(value is not None for value in stated.values())


def plan_problems(question: PlanQuestion, *, has_student: bool) -> list[str]:
    """Everything that is wrong with a plan: figures that are missing, all in one sentence, then those forbidden."""
    missing = [f"--{name.replace('_', '-')}" for name in REQUIRED if question.stated.get(name) is None]
    missing += [] if question.volumes else ["--tokens-per-month"]
    missing += [] if has_student else ["--min-quality (or --use-student)"]
    problems = [f"a return needs {', '.join(missing)} too"] if missing else []
    problems += stated_problems(
        {name: question.stated[name] for name in question.stated}, positive=["retraining_months"]
    )
    checks = Checks().positive(horizon_months=question.horizon_months)
    checks.positive(**{f"tokens_per_month[{i}]": each for i, each in enumerate(question.volumes)})
    return [*problems, *checks.violations]


def solve_plan(question: PlanQuestion, *, student: Served, teacher: Served | None) -> Plan:
    """Solve a plan at every volume; the served prices are those of the table unless the user states them.

    Raises: InputError when no teacher has a price.
    """
    table = {SERVED[0]: teacher.full_usd_per_mtok if teacher else None, SERVED[1]: student.full_usd_per_mtok}
    inputs = _inputs(question.stated, table)
    if missing := [name for name in SERVED if name not in inputs]:
        flag = missing[0].replace("_", "-")
        raise InputError(f"the table has no teacher to save from; give a --student with role=teacher, or --{flag}")
    values = {name: int(term.value) if name in _COUNTS else float(term.value) for name, term in inputs.items()}
    plans = [
        Distillation(**values, volume_tokens_per_month=volume)  # type: ignore[arg-type]  # counts were made int
        for volume in question.volumes
    ]
    returns = tuple(distillation_roi(plan, horizon_months=question.horizon_months) for plan in plans)
    pair = None if teacher is None or any(question.stated.get(name) is not None for name in SERVED) else teacher
    return Plan(
        inputs=inputs,
        horizon_months=question.horizon_months,
        volumes_tokens_per_month=question.volumes,
        returns=returns,
        whole_net_usd_per_month=tuple(
            pair.whole_usd_per_month(at) - student.whole_usd_per_month(at) - one.upkeep_usd_per_month if pair else None
            for at, one in zip(question.volumes, returns)
        ),
    )


def explain_plan(plan: Plan) -> Explanation:
    """The net saving a month at the first volume, with every input and the terms between."""
    one, volume = plan.returns[0], plan.volumes_tokens_per_month[0]
    made = {
        "volume_tokens_per_month": (volume, "assumed", "as stated"),
        "upfront_usd": (one.upfront_usd, "modelled", "generation + runs + evaluation + engineering"),
        "upkeep_usd_per_month": (one.upkeep_usd_per_month, "modelled", "deployment + retraining / interval"),
        "gross_saving_usd_per_month": (one.gross_saving_usd_per_month, "modelled", "volume x price gap"),
    }
    terms = [Term(name, value, unit_of(name), status, source) for name, (value, status, source) in made.items()]
    return Explanation(
        number="net_saving_usd_per_month",
        option="distillation",
        value=one.net_saving_usd_per_month,
        unit="USD a month",
        formula="volume x (teacher - student price) - upkeep",
        terms=(*plan.inputs.values(), *terms),
    )


def _inputs(stated: Mapping[str, float | None], table: Mapping[str, float | None]) -> dict[str, Term]:
    found: dict[str, Term] = {}
    for name in (*REQUIRED, *DEFAULTS, *OPTIONAL, *SERVED):
        value, row = stated.get(name), table.get(name)
        if value is not None:
            found[name] = stated_term(name, value)
        elif name in DEFAULTS:
            default = assumed_term(*DEFAULTS[name])
            found[name] = Term(name, default.value, unit_of(name), default.status, default.source)
        elif row is not None:
            found[name] = Term(name, row, unit_of(name), "modelled", "the table of students")
    return found
