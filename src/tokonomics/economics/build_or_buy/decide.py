"""The five steps of a decision, ending in the strategy that is cheapest for a volume and good enough.

Every strategy is a cost curve at the user's own figures; which is cheapest follows from the curves, never from fixed
bands of volume.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.build_or_buy.break_even import break_even
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, MonthlyCost, api_curve, monthly_cost
from tokonomics.economics.build_or_buy.strategies import StrategyRow, strategy_table
from tokonomics.economics.build_or_buy.volume_bands import VolumeBand, volume_bands
from tokonomics.economics.figures.assumptions import assumed_values, read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.hardware.on_prem import OnPrem, on_prem_cost
from tokonomics.economics.quality.cascade import article_tiers, cascade_cost
from tokonomics.economics.quality.cascade_quality import cascade_quality
from tokonomics.economics.quality.distillation import article_students
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok
from tokonomics.errors import Infeasible
from tokonomics.units import HOURS_PER_MONTH, MTOK, SECONDS_PER_DAY, SECONDS_PER_HOUR

QUALITIES: Final = {"max": 1.0, "mixed": 0.85, "good-enough": 0.75}
"""The least quality each answer asks for, as a share of the largest model's."""
_BANDS_UP_TO: Final = 10.0
_STUDENT: Final = "7b awq"


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What a decision needs to know.

    `quality` is max, mixed or good-enough; `task_defined` whether one task is to be served, without which no student
    can be distilled. `inputs` are the figures of the reference topic of the table of assumptions, as stated or assumed;
    `budget_usd_per_mtok` is the blended price of a small hosted model.
    """

    volume_tokens_per_day: float
    quality: str
    task_defined: bool
    inputs: Mapping[str, float]
    budget_usd_per_mtok: float

    def __post_init__(self) -> None:
        checks = Checks().positive(volume_tokens_per_day=self.volume_tokens_per_day)
        checks.non_negative(budget_usd_per_mtok=self.budget_usd_per_mtok)
        names = ", ".join(QUALITIES)
        checks.that(self.quality in QUALITIES, f"quality={self.quality!r} is not known; choose one of {names}").done()


@dataclass(frozen=True, kw_only=True, slots=True)
class Priced:
    """A strategy at the volume asked for. `excluded` says why it may not be chosen; "" where it may."""

    row: StrategyRow
    curve: CostCurve
    month: MonthlyCost
    quality_frac: float | None
    wins_from_tokens_per_day: float | None
    excluded: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The strategy to choose, all of them priced, and the bands of volume in which each admitted one is cheapest."""

    asked: Circumstances
    chosen: Priced
    strategies: tuple[Priced, ...]
    bands: tuple[VolumeBand, ...]
    steps: tuple[Mapping[str, str], ...]


def decide(asked: Circumstances) -> Decision:
    """Walk through the five steps.

    Raises: Infeasible where no strategy reaches the quality asked for.
    """
    rows = {row.strategy: row for row in strategy_table()}
    curves = _curves(asked)
    api = curves["api frontier"]
    priced = tuple(_priced(rows[name], curve, api, asked) for name, curve in curves.items())
    open_to = [one for one in priced if not one.excluded]
    if not open_to:
        raise Infeasible(f"no strategy keeps quality={asked.quality}; ask for less, or measure yours")
    most = max(asked.volume_tokens_per_day, *(one.wins_from_tokens_per_day or 0.0 for one in priced))
    return Decision(
        asked=asked,
        chosen=min(open_to, key=lambda one: one.month.total_usd_per_month),
        strategies=priced,
        bands=volume_bands([one.curve for one in open_to], up_to_tokens_per_day=most * _BANDS_UP_TO),
        steps=read_table("decision_steps"),
    )


def _curves(asked: Circumstances) -> dict[str, CostCurve]:
    """One curve a strategy, by the names of the strategy table."""
    known = asked.inputs
    days, ops = known["days_per_month"], known["ops_usd_per_month"]
    rate = blended_tokens_per_s(
        prefill_tokens_per_s=known["prefill_tokens_per_s"],
        decode_tokens_per_s=known["decode_tokens_per_s"],
        input_frac=known["input_frac"],
    )
    frontier = blended_usd_per_mtok(
        input_usd_per_mtok=known["api_input_usd_per_mtok"],
        output_usd_per_mtok=known["api_output_usd_per_mtok"],
        input_frac=known["input_frac"],
    )
    hour = known["gpu_usd_per_hour"]
    owned = on_prem_cost(OnPrem(**{**assumed_values("on_prem"), "utilisation_frac": 1.0})).owned_usd_per_hour
    faster = _student_rate() / known["decode_tokens_per_s"]
    tiers = article_tiers(gpu_usd_per_hour=hour)
    cascade_rate = hour / SECONDS_PER_HOUR * MTOK / cascade_cost(tiers).cascade_usd_per_mtok

    def fleet(name: str, usd_per_hour: float, tokens_per_s: float, *, least: int = 1) -> CostCurve:
        return CostCurve(
            name=name, fixed_usd_per_month=ops, replica_usd_per_month=usd_per_hour * HOURS_PER_MONTH,
            replica_tokens_per_day=tokens_per_s * SECONDS_PER_DAY, min_replicas=least, days_per_month=days,
        )  # fmt: skip

    return {
        "api frontier": api_curve("api frontier", usd_per_mtok=frontier, days_per_month=days),
        "api budget": api_curve("api budget", usd_per_mtok=asked.budget_usd_per_mtok, days_per_month=days),
        "self-host 70b": fleet("self-host 70b", hour, rate),
        "self-host distilled 7b": fleet("self-host distilled 7b", hour, rate * faster),
        "cascade": fleet("cascade", hour, cascade_rate, least=len(tiers)),
        "on-prem": fleet("on-prem", owned, rate),
    }


def _student_rate() -> float:
    return next(one.throughput_tokens_per_s for one in article_students() if one.name == _STUDENT)


def _priced(row: StrategyRow, curve: CostCurve, api: CostCurve, asked: Circumstances) -> Priced:
    quality = _quality(row.strategy, asked.inputs["gpu_usd_per_hour"])
    crossing = None if curve.replica_tokens_per_day is None else break_even(curve, api).volume_tokens_per_day
    return Priced(
        row=row,
        curve=curve,
        month=monthly_cost(curve, volume_tokens_per_day=asked.volume_tokens_per_day),
        quality_frac=quality,
        wins_from_tokens_per_day=crossing,
        excluded=_excluded(row.strategy, quality, asked),
    )


def _quality(strategy: str, gpu_usd_per_hour: float) -> float | None:
    """Quality as a share of the largest model's; a hosted budget model has none until it is measured."""
    if strategy == "api budget":
        return None
    if strategy == "self-host distilled 7b":
        return next(one.quality_frac for one in article_students() if one.name == _STUDENT)
    if strategy == "cascade":  # at best: the shares of the tiers allow no more, however good the router
        return cascade_quality(article_tiers(gpu_usd_per_hour=gpu_usd_per_hour), routing_frac=1.0).blended_frac
    return 1.0


def _excluded(strategy: str, quality: float | None, asked: Circumstances) -> str:
    least = QUALITIES[asked.quality]
    if quality is None:
        return "its quality is not measured"
    if quality < least:
        return f"keeps {quality:.0%} of the quality, {least:.0%} asked for"
    if strategy == "self-host distilled 7b" and not asked.task_defined:
        return "needs one defined task"
    return ""


def steps_of(decision: Decision, step: int) -> Sequence[Mapping[str, str]]:
    """The rows of one step of the framework (3 optimise, 4 monitor, 5 evolve), in order."""
    return [row for row in decision.steps if row["step"] == str(step)]
