"""Does a distillation pay: what the first student costs, what every retraining costs, and when it is earned back.

upfront = samples x (tokens x teacher price) + runs x hours x USD/h + evaluation + engineering
net     = volume x (teacher - student price) - deployment - retraining / interval
"""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class Distillation:
    """A plan: its data, its training, its upkeep and the traffic it is for.

    `training_gpu_hours` is of one run; `num_runs` counts the tries of the first student, a retraining takes
    one. `refresh_frac` is the share of samples generated anew for a retraining, every `retraining_months`
    (None: never). `deployment_usd_per_month` is what a separate deployment of the student costs beyond its
    tokens.
    """

    num_samples: int
    sample_input_tokens: float
    sample_output_tokens: float
    teacher_input_usd_per_mtok: float
    teacher_output_usd_per_mtok: float
    num_runs: int
    training_gpu_hours: float
    training_usd_per_hour: float
    evaluation_usd: float
    engineer_hours: float
    engineer_usd_per_hour: float
    volume_tokens_per_month: float
    served_teacher_usd_per_mtok: float
    served_student_usd_per_mtok: float
    deployment_usd_per_month: float = 0.0
    retraining_months: float | None = None
    refresh_frac: float = 1.0
    retraining_engineer_hours: float = 0.0

    def __post_init__(self) -> None:
        counts = {"num_samples": self.num_samples, "num_runs": self.num_runs}
        skipped = {*counts, "retraining_months", "refresh_frac"}
        money = {name: getattr(self, name) for name in self.__slots__ if name not in skipped}
        checks = Checks().count(1, **counts).non_negative(**money)
        checks.positive(retraining_months=self.retraining_months).fraction(refresh_frac=self.refresh_frac).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationRoi:
    """Every term, and the answer.

    `payback_months` is None when the student never earns its cost back; `break_even_tokens_per_month` is the
    volume at which it just covers its upkeep (None: at none). `horizon_ratio` is the net gain over the
    horizon per dollar spent upfront.
    """

    generation_usd: float
    training_usd: float
    evaluation_usd: float
    engineering_usd: float
    upfront_usd: float
    retraining_usd: float
    upkeep_usd_per_month: float
    gross_saving_usd_per_month: float
    net_saving_usd_per_month: float
    cheaper_ratio: float | None
    payback_months: float | None
    break_even_tokens_per_month: float | None
    horizon_gain_usd: float
    horizon_ratio: float | None


def distillation_roi(plan: Distillation, *, horizon_months: float = 12.0) -> DistillationRoi:
    """The return of a distillation over a horizon, with its terms."""
    Checks().positive(horizon_months=horizon_months).done()
    generation = teacher_generation_usd(plan)
    run = plan.training_gpu_hours * plan.training_usd_per_hour
    engineering = plan.engineer_hours * plan.engineer_usd_per_hour
    upfront = generation + plan.num_runs * run + plan.evaluation_usd + engineering
    retraining = _retraining_usd(plan, generation, run)
    upkeep = plan.deployment_usd_per_month + (retraining / plan.retraining_months if plan.retraining_months else 0.0)
    price_gap = plan.served_teacher_usd_per_mtok - plan.served_student_usd_per_mtok
    gross = plan.volume_tokens_per_month / MTOK * price_gap
    net = gross - upkeep
    gain = net * horizon_months - upfront
    return DistillationRoi(
        generation_usd=generation,
        training_usd=plan.num_runs * run,
        evaluation_usd=plan.evaluation_usd,
        engineering_usd=engineering,
        upfront_usd=upfront,
        retraining_usd=retraining,
        upkeep_usd_per_month=upkeep,
        gross_saving_usd_per_month=gross,
        net_saving_usd_per_month=net,
        cheaper_ratio=_ratio(plan.served_teacher_usd_per_mtok, plan.served_student_usd_per_mtok),
        payback_months=upfront / net if net > 0 else None,
        break_even_tokens_per_month=upkeep / price_gap * MTOK if price_gap > 0 else None,
        horizon_gain_usd=gain,
        horizon_ratio=_ratio(gain, upfront),
    )


def teacher_generation_usd(plan: Distillation) -> float:
    """What the teacher's answers to all samples cost.

    Source: the audit of the article: 50,000 samples of 500 output tokens at 10 USD per million are 250 USD.
    """
    return (
        plan.num_samples
        / MTOK
        * (
            plan.sample_input_tokens * plan.teacher_input_usd_per_mtok
            + plan.sample_output_tokens * plan.teacher_output_usd_per_mtok
        )
    )


def _retraining_usd(plan: Distillation, generation_usd: float, run_usd: float) -> float:
    """One retraining: fresh samples, one run, one evaluation, some hours; 0 where there is none."""
    if plan.retraining_months is None:
        return 0.0
    engineering = plan.retraining_engineer_hours * plan.engineer_usd_per_hour
    return plan.refresh_frac * generation_usd + run_usd + plan.evaluation_usd + engineering


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0 else None
