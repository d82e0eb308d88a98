"""The rules under which an API wins although the volume lies above break-even, at the figures of one case."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tokonomics.economics.build_or_buy.api_wins import (
    Burst,
    RuleVerdict,
    burst,
    compliance,
    multi_model,
    rapid_iteration,
)
from tokonomics.economics.build_or_buy.build_case import HOURS_PER_DAY, BuildCurves
from tokonomics.economics.build_or_buy.cost_curve import monthly_cost
from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import raise_all

_TRIAL = ("trial_hours", "trial_tokens", "setup_usd_per_candidate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What the user says of the four rules; a rule without its figure is not asked.

    `needs` are certificates the service must hold and `api_covers` those the API holds. `figures` holds
    burst_ratio with burst_hours, trial_hours, trial_tokens, setup_usd_per_candidate, compliance_usd_per_month.
    """

    num_models: int | None = None
    models_per_deployment: int = 1
    num_candidates: int | None = None
    needs: frozenset[str] = frozenset()
    api_covers: frozenset[str] = frozenset()
    figures: Mapping[str, float | None]


def judge_rules(said: Circumstances, curves: BuildCurves, *, volume_tokens_per_day: float) -> tuple[RuleVerdict, ...]:
    """The verdict of every rule that is asked, at a volume.

    Raises: InputError naming each figure that an asked rule lacks.
    """
    raise_all(rule_problems(said))
    own = monthly_cost(curves.always_on, volume_tokens_per_day=volume_tokens_per_day).total_usd_per_month
    api = monthly_cost(curves.api, volume_tokens_per_day=volume_tokens_per_day).total_usd_per_month
    found: list[RuleVerdict] = []
    if said.num_models is not None:
        found.append(_multi_model(said, curves, api))
    if said.num_candidates is not None:
        found.append(_iteration(said, curves))
    if said.needs:
        found.append(
            compliance(
                needs=said.needs,
                api_covers=said.api_covers,
                added_usd_per_month=said.figures.get("compliance_usd_per_month"),
                self_host_usd_per_month=own,
                api_usd_per_month=api,
            )
        )
    shape = burst_of(said)
    if shape is not None:
        found.append(_burst(shape, curves, volume_tokens_per_day, api))
    return tuple(found)


def burst_of(said: Circumstances) -> Burst | None:
    """The daily burst, with both of its idle shares; None where none is stated."""
    ratio, hours = said.figures.get("burst_ratio"), said.figures.get("burst_hours")
    return None if ratio is None or hours is None else burst(peak_ratio=ratio, peak_hours=hours)


def rule_problems(said: Circumstances) -> list[str]:
    """What the rules that are asked lack."""
    checks, figures = Checks(), said.figures
    if said.num_candidates is not None:
        for name in _TRIAL:
            checks.that(figures.get(name) is not None, f"num_candidates without {name}; give it")
    lacks_price = bool(said.needs) and figures.get("compliance_usd_per_month") is None
    checks.that(not lacks_price, "needs without compliance_usd_per_month; ask an auditor for an offer")
    for one, other in (("burst_ratio", "burst_hours"), ("burst_hours", "burst_ratio")):
        checks.that(figures.get(one) is None or figures.get(other) is not None, f"{one} without {other}; give both")
    return checks.violations


def _multi_model(said: Circumstances, curves: BuildCurves, api_usd_per_month: float) -> RuleVerdict:
    """Every deployment needs a step of its own; operations are paid once and shared among the models."""
    assert said.num_models is not None
    least = curves.always_on.replica_usd_per_month + curves.always_on.fixed_usd_per_month / max(said.num_models, 1)
    return multi_model(
        num_models=said.num_models,
        deployment_usd_per_month=least,
        api_usd_per_month=api_usd_per_month,
        models_per_deployment=said.models_per_deployment,
    )


def _iteration(said: Circumstances, curves: BuildCurves) -> RuleVerdict:
    assert said.num_candidates is not None
    hours = curves.always_on.days_per_month * HOURS_PER_DAY
    return rapid_iteration(
        num_candidates=said.num_candidates,
        trial_hours=said.figures["trial_hours"] or 0.0,
        deployment_usd_per_hour=curves.always_on.replica_usd_per_month / hours,
        setup_usd_per_candidate=said.figures["setup_usd_per_candidate"] or 0.0,
        trial_tokens=said.figures["trial_tokens"] or 0.0,
        api_usd_per_mtok=curves.api.usd_per_mtok,
    )


def _burst(shape: Burst, curves: BuildCurves, volume_tokens_per_day: float, api_usd_per_month: float) -> RuleVerdict:
    """A fleet for the burst, in whole replicas: what a replica has to spare already carries some of it."""
    sized = replace(curves.always_on, peak_ratio=shape.peak_usd_ratio)
    month = monthly_cost(sized, volume_tokens_per_day=volume_tokens_per_day)
    return RuleVerdict(
        rule="burst",
        self_host_usd_per_month=month.total_usd_per_month,
        api_usd_per_month=api_usd_per_month,
        api_wins=api_usd_per_month < month.total_usd_per_month,
        reason=f"replicas for {shape.peak_usd_ratio:.3g} times the mean: {month.num_replicas}",
    )
