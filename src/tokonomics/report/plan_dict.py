"""Plans as a document: every family with its cost, latency and chances, and what they rest on."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.explanation import Explanation
from tokonomics.planning.ask import Planned
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.race import FamilyPlan
from tokonomics.planning.recommend import changes, recommendation


def plan_dict(planned: Planned, *, wall_s: float, explanations: Sequence[Explanation] = ()) -> dict[str, Any]:
    """The body of the document; asking its scenario again gives the same, but for `wall_s`."""
    asked = planned.asked
    scenario = asked.scenario.model_copy(update={"today": asked.today, "snapshot": asked.catalog.snapshot})
    traffic = asked.demand.traffic
    body = {
        "scenario": scenario.to_dict(),
        "catalog_digest": asked.catalog.digest,
        "catalog_snapshot": asked.catalog.snapshot,
        "traffic": {
            "name": traffic.name,
            "source": traffic.source,
            "requests_per_s": traffic.requests_per_s,
            "peak_requests_per_s": traffic.peak_requests_per_s,
            "mean_input_tokens": traffic.mean_input_tokens,
            "mean_output_tokens": traffic.mean_output_tokens,
            "buckets": asked.buckets.source,
            "replayed": asked.traffic.window,
            "num_requests_replayed": asked.traffic.requests.num_requests,
        },
        "slo": str(asked.slo),
        "recommended": planned.best.name,
        "recommendation": recommendation(planned),
        "families": [family_dict(planned, one) for one in planned.plans],
        "absent": list(planned.absent),
        "would_change": list(changes(planned)),
        "num_candidates": planned.searched.num_candidates,
        "num_set_aside": planned.searched.num_set_aside,
        "num_meeting_slo": planned.searched.found.num_meeting,
        "num_unbeaten": len(planned.searched.found.items),
        "gap_frac": planned.gap_frac,
        "swings": [asdict(one) for one in planned.swings],
        "crossing": _crossing_dict(planned),
        "wall_s": wall_s,
    }
    if explanations:
        body["explanations"] = [one.to_dict() for one in explanations]
    return body


def family_dict(planned: Planned, one: FamilyPlan) -> dict[str, Any]:
    """One family's plan."""
    cost, odds = plan_cost(one.draft, planned.asked.demand), planned.odds_of(one)
    summary = one.proven.proof.summary if one.proven else None
    month_usd = cost.usd_per_month
    return {
        "name": one.name,
        "usd_per_month": month_usd,
        "usd_per_month_range": {"p10": month_usd * odds.low_ratio, "p90": month_usd * odds.high_ratio},
        "usd_per_mtok": {
            "blended": {"allocation": cost.allocation_usd_per_mtok, "usage": cost.usage_usd_per_mtok},
        },
        "num_gpus": one.draft.num_gpus,
        "utilisation_frac": cost.utilisation_frac,
        "api_frac": one.draft.api_frac,
        "ttft_p95_s": summary.ttft.p95_s if summary and summary.ttft else None,
        "itl_p95_s": summary.itl.p95_s if summary and summary.itl else None,
        "e2e_p95_s": summary.e2e.p95_s if summary and summary.e2e else None,
        "slo_probability": odds.slo_probability,
        "cheapest_probability": odds.cheapest_probability,
        "replayed": one.proven is not None,
        "other_hours_replayed": list(one.proven.proof.others) if one.proven else [],
        "meets_slo": None if one.proven is None and not one.fails else not one.fails,
        "fails": list(one.fails),
        "gap_frac": one.draft.gap_frac,
        "quality_frac": one.draft.quality_frac,
        "effort": one.draft.family.effort,
        "reasons": list(one.proven.reasons) if one.proven else [],
        "fleets": [
            {
                "name": bought.item.name,
                "num_replicas": bought.most_replicas,
                "num_replicas_by_bucket": bought.num_replicas.tolist(),
                "num_gpus": int(bought.num_bundles.max()) * bought.item.gpus_per_bundle,
                "usd_per_month": bought.usd_per_month(one.draft.buckets),
                "capacity_requests_per_s": bought.item.requests_per_s,
            }
            for bought in one.draft.purchases
        ],
        "apis": [{"name": call.hosted.name, "calls_ratio": call.calls_ratio} for call in one.draft.calls],
    }


def _crossing_dict(planned: Planned) -> dict[str, Any] | None:
    met = planned.crossing
    if met is None:
        return None
    return {"requests_per_s": met.requests_per_s, "fleet": met.item.name, "api": met.hosted.name}
