"""Where an API wins although the volume lies above break-even: many models, fast change, rules, bursts.

Each rule computes both sides; none asserts its conclusion.
"""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import MTOK

HOURS_PER_DAY = 24.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleVerdict:
    """One rule: what self-hosting costs a month under it, what the API costs, and who wins."""

    rule: str
    self_host_usd_per_month: float
    api_usd_per_month: float
    api_wins: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """A daily peak: how much of a fleet sized for it lies idle, and for how many hours it is not at peak.

    The two shares are different questions: `idle_capacity_frac` is of replica-hours, `off_peak_hours_frac`
    of the day. `peak_usd_ratio` is the cost of a fleet for the peak over the cost of one for the mean.
    """

    mean_ratio: float
    peak_ratio: float
    idle_capacity_frac: float
    off_peak_hours_frac: float
    peak_usd_ratio: float


def multi_model(
    *,
    num_models: int,
    deployment_usd_per_month: float,
    api_usd_per_month: float,
    models_per_deployment: int = 1,
) -> RuleVerdict:
    """Several models, each with a deployment of its own unless `models_per_deployment` share one (adapters).

    `deployment_usd_per_month` is the least a deployment costs; `api_usd_per_month` buys all models together.
    """
    checks = Checks().count(1, num_models=num_models, models_per_deployment=models_per_deployment)
    checks.non_negative(deployment_usd_per_month=deployment_usd_per_month, api_usd_per_month=api_usd_per_month).done()
    deployments = -(-num_models // models_per_deployment)
    own = deployments * deployment_usd_per_month
    return _verdict("multi-model", own, api_usd_per_month, f"deployments needed: {deployments}")


def rapid_iteration(
    *,
    num_candidates: int,
    trial_hours: float,
    deployment_usd_per_hour: float,
    setup_usd_per_candidate: float,
    trial_tokens: float,
    api_usd_per_mtok: float,
    trials_per_month: float = 1.0,
) -> RuleVerdict:
    """Trying candidate models: each is set up and kept running for its trial, or its tokens are bought."""
    checks = Checks().count(1, num_candidates=num_candidates).positive(trials_per_month=trials_per_month)
    checks.non_negative(
        trial_hours=trial_hours,
        deployment_usd_per_hour=deployment_usd_per_hour,
        setup_usd_per_candidate=setup_usd_per_candidate,
        trial_tokens=trial_tokens,
        api_usd_per_mtok=api_usd_per_mtok,
    ).done()
    trials = num_candidates * trials_per_month
    own = trials * (trial_hours * deployment_usd_per_hour + setup_usd_per_candidate)
    api = trials * trial_tokens / MTOK * api_usd_per_mtok
    return _verdict("rapid iteration", own, api, f"{trials:g} trials a month")


def compliance(
    *,
    needs: frozenset[str],
    api_covers: frozenset[str],
    added_usd_per_month: float | None,
    self_host_usd_per_month: float,
    api_usd_per_month: float,
) -> RuleVerdict:
    """Certificates that the API already holds and a self-hosted service would have to obtain.

    The API cannot win where it misses one of `needs`. `added_usd_per_month` is what obtaining them costs;
    None (unknown) is refused, because 0 would be a guess.
    """
    checks = Checks().non_negative(
        added_usd_per_month=added_usd_per_month,
        self_host_usd_per_month=self_host_usd_per_month,
        api_usd_per_month=api_usd_per_month,
    )
    checks.that(added_usd_per_month is not None, "added_usd_per_month is missing; ask an auditor for an offer")
    checks.done()
    missing = sorted(needs - api_covers)
    own = self_host_usd_per_month + (added_usd_per_month or 0.0 if needs else 0.0)
    covered = ", ".join(sorted(needs)) or "all: nothing is asked"
    reason = f"the API lacks {', '.join(missing)}" if missing else f"the API covers {covered}"
    verdict = _verdict("compliance", own, api_usd_per_month, reason)
    return RuleVerdict(
        rule=verdict.rule,
        self_host_usd_per_month=own,
        api_usd_per_month=api_usd_per_month,
        api_wins=verdict.api_wins and not missing,
        reason=reason,
    )


def burst(*, peak_ratio: float, peak_hours: float) -> Burst:
    """A load of 1 that rises to `peak_ratio` for `peak_hours` a day, served by a fleet sized for the peak.

    Source: the article, section 6: ten times for two hours leaves 82.5 % of capacity idle; 91.7 % is hours.

    >>> day = burst(peak_ratio=10, peak_hours=2)
    >>> round(day.idle_capacity_frac, 3), round(day.off_peak_hours_frac, 3)
    (0.825, 0.917)
    """
    checks = Checks().at_least(1.0, peak_ratio=peak_ratio).non_negative(peak_hours=peak_hours)
    checks.that(not peak_hours > HOURS_PER_DAY, f"peak_hours={peak_hours:g}; a day has 24").done()
    mean = (peak_ratio * peak_hours + (HOURS_PER_DAY - peak_hours)) / HOURS_PER_DAY
    return Burst(
        mean_ratio=mean,
        peak_ratio=peak_ratio,
        idle_capacity_frac=(1.0 - 1.0 / peak_ratio) * (1.0 - peak_hours / HOURS_PER_DAY),
        off_peak_hours_frac=1.0 - peak_hours / HOURS_PER_DAY,
        peak_usd_ratio=peak_ratio / mean,
    )


def burst_verdict(shape: Burst, *, mean_self_host_usd_per_month: float, api_usd_per_month: float) -> RuleVerdict:
    """Provision for the peak, or buy; `mean_self_host_usd_per_month` is the cost of a fleet for the mean."""
    Checks().non_negative(
        mean_self_host_usd_per_month=mean_self_host_usd_per_month, api_usd_per_month=api_usd_per_month
    ).done()
    own = mean_self_host_usd_per_month * shape.peak_usd_ratio
    return _verdict("burst", own, api_usd_per_month, f"{shape.idle_capacity_frac:.1%} of capacity lies idle")


def _verdict(rule: str, own: float, api: float, reason: str) -> RuleVerdict:
    return RuleVerdict(rule=rule, self_host_usd_per_month=own, api_usd_per_month=api, api_wins=api < own, reason=reason)
