"""Why nothing can serve what was asked: the limit that binds, by name, and the least that would have to give."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.quoting.candidates import Search, explain_no_fit
from tokonomics.economics.quoting.demand import Demand, limit_percentile
from tokonomics.economics.quoting.fleet_size import metric_s, size_fleets
from tokonomics.errors import Infeasible
from tokonomics.physics.latency import latency_estimate
from tokonomics.planning.families import Market
from tokonomics.planning.fleet_problem import Way
from tokonomics.planning.market import sales
from tokonomics.planning.operate import Operated
from tokonomics.planning.question import Question
from tokonomics.units import MS
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.slo import Slo, SloLimit

Floats = NDArray[np.float64]

_MOST_GPUS: Final = 4096


def require_some_fit(
    asked: Question, operated: Operated | None, wanted: Sequence[Search], part_ids: Sequence[str]
) -> None:
    """Raise Infeasible where no deployment of the models fits anywhere, with the one that comes nearest."""
    if operated is not None or not asked.models:
        return
    parts = [asked.catalog.accelerator(name) for name in part_ids]
    if not parts:
        raise Infeasible(_nothing_for_sale(asked))
    explain_no_fit(asked.models, parts, asked.demand, wanted[0])


def _nothing_for_sale(asked: Question) -> str:
    """Which limits leave nothing to buy, and which one alone, left out, brings back the cheapest accelerator."""
    limits = list(_market_limits(asked.scenario))
    stated = " and ".join(f"{flag} {words}".strip() for flag, words, _ in limits)
    freed: list[tuple[float, str]] = []
    for flag, _, default in limits:
        found = sales(asked.catalog, asked.scenario.model_copy(update=default), today=asked.today)
        if found:
            best = min(found, key=lambda one: (one.gpu_usd_per_hour, one.name))
            words = f"{best.offer.accelerator_id} from {best.name}, {best.gpu_usd_per_hour:.3g} USD a GPU-hour"
            freed.append((best.gpu_usd_per_hour, f"the cheapest relaxation is to leave {flag} out ({words})"))
    advice = min(freed)[1] if freed else "no one of them is to blame alone; leave out several"
    return f"no accelerator is for sale under {stated or 'this catalogue'} together; {advice}"


def _market_limits(scenario: Scenario) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Flag, value and default of every limit on what may be bought that is stated."""
    listed = {"--gpu": ("gpus", scenario.gpus), "--provider": ("providers", scenario.providers)}
    for flag, (key, names) in {**listed, "--region": ("regions", scenario.regions)}.items():
        if names:
            yield flag, ",".join(names)[:60], {key: ()}
    if scenario.purchase != "on_demand":
        yield "--purchase", scenario.purchase, {"purchase": "on_demand"}
    if scenario.plan and scenario.plan.no_spot:
        yield "--no-spot", "", {"plan": scenario.plan.model_copy(update={"no_spot": False})}


def quota_binds(asked: Question, market: Market) -> str | None:
    """The sentence for a quota that no fleet fits into, with the least that would do; None where no other would."""
    peak = float(asked.buckets.requests_per_s.max())
    for num_gpus in range(1, _MOST_GPUS + 1):
        if any(_carries(market, way, num_gpus, peak) for way in market.ways):
            return (
                f"max_gpus={market.max_gpus} binds: no fleet with so few accelerators of each kind from each seller"
                f" carries the peak of {peak:.4g} requests/s; the cheapest relaxation is --max-gpus {num_gpus},"
                " or a little more where the replay asks for it"
            )
    return None


def _carries(market: Market, way: Way, num_gpus: int, peak: float) -> bool:
    """Whether each tier's calls fit on `num_gpus` of each kind from each seller; spares carry nothing."""
    for tier, calls in way.calls:
        best: dict[str, float] = {}
        for one in market.items:
            if one.tier == tier:
                replicas = num_gpus // one.gpus_per_bundle * one.replicas_per_bundle - market.num_spare_replicas
                rate = max(replicas, 0) * one.requests_per_s
                best[one.quota_name] = max(best.get(one.quota_name, 0.0), rate)
        if sum(best.values()) < peak * calls:
            return False
    return True


def require_some_quality(asked: Question, found: Sequence[Way]) -> None:
    """Raise Infeasible where no way that may compete reaches the least quality: what the best one reaches."""
    least = asked.spec.min_quality_frac
    graded = {one.name: one.quality_frac for one in found if one.quality_frac is not None}
    if least is None or max(graded.values(), default=-1.0) >= least:
        return
    if not graded:
        raise Infeasible(
            f"min_quality_frac={least:g} binds: nothing that can serve this has a quality figure; give --quality for it"
        )
    best = max(graded, key=graded.__getitem__)
    raise Infeasible(
        f"min_quality_frac={least:g} binds: the best that can serve this is {best}, at {graded[best]:g}; the cheapest"
        f" relaxation is --min-quality-frac {graded[best]:g}, or add a better model with its --quality"
    )


def require_some_meet(asked: Question, operated: Operated | None) -> None:
    """Raise Infeasible where no deployment keeps the SLO at any load: which limit binds, and how far it must give."""
    if operated is None or bool(operated.can_meet.any()):
        return
    eased = [one for limit in asked.slo.limits for one in _eased(limit, operated, asked.demand)]
    if not eased:
        least = "; ".join(_least_alone(limit, operated, asked.demand) for limit in asked.slo.limits)
        raise Infeasible(
            f"slo={asked.slo} is kept by no deployment at any load, whichever limit is dropped; the least that any"
            f" reaches, each for itself: {least}; loosen every limit"
        )
    _, sentence = min(eased)
    raise Infeasible(f"{sentence}; or state the latency of a hosted model with --api-ttft-s and --api-itl-s")


def _eased(limit: SloLimit, operated: Operated, demand: Demand) -> Iterator[tuple[float, str]]:
    """By how much `limit` must give, as a ratio and in a sentence, for some deployment that keeps all the others."""
    others = Slo(limits=tuple(one for one in demand.slo.limits if one != limit))
    meets = size_fleets(operated.step, operated.max_batch_sequences, replace(demand, slo=others)).can_meet
    if not meets.any():
        return
    least_s = np.where(meets, _least_s(limit, operated, demand), np.inf)
    best = int(np.argmin(least_s))
    dep, reached_s = operated.deployments[best], float(least_s[best])
    if np.isfinite(reached_s):
        eased = _eased_to(limit, reached_s)
        beside = f" beside {others}" if others.limits else ""
        yield (
            reached_s / limit.limit_s,
            f"{limit} binds: the least that any deployment reaches{beside} is {reached_s:.3g} s, with {dep.model.id} on"
            f" {dep.name} and a single request at a time; the cheapest to loosen is this limit, to {eased}",
        )


def _eased_to(limit: SloLimit, reached_s: float) -> SloLimit:
    """`limit` at a little more than what is reached, in two digits."""
    eased_s = reached_s * 1.05
    is_short = eased_s < 1.0
    return replace(limit, limit_s=float(f"{eased_s / MS:.2g}") * MS if is_short else float(f"{eased_s:.2g}"))


def _least_alone(limit: SloLimit, operated: Operated, demand: Demand) -> str:
    """The least of a limit that any deployment reaches, whatever becomes of the others."""
    least_s = _least_s(limit, operated, demand)
    best = int(np.argmin(np.where(np.isfinite(least_s), least_s, np.inf)))
    dep = operated.deployments[best]
    return f"{limit.name} {least_s[best]:.3g} s with {dep.model.id} on {dep.name}"


def _least_s(limit: SloLimit, operated: Operated, demand: Demand) -> Floats:
    """The latency of `limit` with a single sequence at a time, shape (deployments,)."""
    percentile = limit_percentile(limit)
    alone = np.ones(len(operated.deployments))
    estimate = latency_estimate(operated.step, alone, demand.shape, demand.spread_at(percentile), percentile)
    return metric_s(estimate, limit.metric)
