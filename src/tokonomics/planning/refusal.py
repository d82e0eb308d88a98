"""Why nothing can serve what was asked: the limit that binds, by name, and the least that would have to give."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.quoting.candidates import Search, explain_no_fit
from tokonomics.economics.quoting.demand import Demand, limit_percentile
from tokonomics.economics.quoting.fleet_size import metric_s, size_fleets
from tokonomics.errors import Infeasible
from tokonomics.physics.latency import latency_estimate
from tokonomics.planning.fleet_problem import Way
from tokonomics.planning.operate import Operated
from tokonomics.planning.question import Question
from tokonomics.workload.slo import Slo, SloLimit

Floats = NDArray[np.float64]


def require_some_fit(
    asked: Question, operated: Operated | None, wanted: Sequence[Search], part_ids: Sequence[str]
) -> None:
    """Raise Infeasible where no deployment of the models fits anywhere, with the one that comes nearest."""
    if operated is not None or not asked.models:
        return
    parts = [asked.catalog.accelerator(name) for name in part_ids]
    if not parts:
        raise Infeasible("no accelerator is for sale under these limits; widen --gpu, --provider or --region")
    explain_no_fit(asked.models, parts, asked.demand, wanted[0])


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
        raise Infeasible(
            f"slo={asked.slo} is kept by no deployment at any load, whichever limit is dropped; loosen every limit"
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
        eased = replace(limit, limit_s=float(f"{reached_s * 1.05:.2g}"))
        beside = f" beside {others}" if others.limits else ""
        yield (
            reached_s / limit.limit_s,
            f"{limit} binds: the least that any deployment reaches{beside} is {reached_s:.3g} s, with {dep.model.id} on"
            f" {dep.name} and a single request at a time; the cheapest to loosen is this limit, to {eased}",
        )


def _least_s(limit: SloLimit, operated: Operated, demand: Demand) -> Floats:
    """The latency of `limit` with a single sequence at a time, shape (deployments,)."""
    percentile = limit_percentile(limit)
    alone = np.ones(len(operated.deployments))
    estimate = latency_estimate(operated.step, alone, demand.shape, demand.spread_at(percentile), percentile)
    return metric_s(estimate, limit.metric)
