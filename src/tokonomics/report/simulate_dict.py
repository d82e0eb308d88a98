"""A simulation as programs read it: the scenario, the numbers, the bill, the time line."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.ranges import ends_dict
from tokonomics.simulation.ask import Case, Replay
from tokonomics.simulation.figures import Interval, escalation_frac
from tokonomics.simulation.long_replay import Answer, LongReplay
from tokonomics.simulation.money import ClassCost, Money
from tokonomics.simulation.summary import Spread, Summary
from tokonomics.simulation.sureness import cost_sureness
from tokonomics.simulation.timeline import Timeline


def case_dict(case: Case) -> dict[str, Any]:
    """What was asked, completed by its defaults, and the facts that the answer rests on."""
    echoed = case.scenario.model_copy(
        update={"today": case.today, "snapshot": case.catalog.snapshot, "simulation": case.spec}
    )
    dep = case.deployed.deployment
    return {
        "catalog_digest": case.catalog.digest,
        "catalog_snapshot": case.catalog.snapshot,
        "today": case.today,
        "scenario": echoed.to_dict(),
        "seed": case.spec.seed,
        "start_at": case.start_at.isoformat(),
        "deployment": {
            "name": dep.name,
            "model": dep.model.id,
            "accelerator": dep.accelerator.id,
            "num_gpus": dep.num_gpus,
            "precision": dep.precision.id,
            "engine": dep.constants.engine,
            "max_sequences": dep.max_sequences,
            "step_budget_tokens": dep.step_budget_tokens,
            "kv_tokens": case.deployed.kv_tokens,
        },
        "price": asdict(case.price),
        "notes": list(case.demand.notes),
    }


def simulate_dict(case: Case, one: Answer, intervals: Sequence[Interval] = ()) -> dict[str, Any]:
    """The body of the document; all but `kernel_wall_s` is the same for the same scenario."""
    return {
        **case_dict(case),
        "is_partial": one.is_partial,
        "num_asked": one.num_asked,
        "kernel_wall_s": one.kernel_wall_s,
        "num_shards": one.num_shards if isinstance(one, LongReplay) else 1,
        "worst_seam_frac": one.worst_seam_frac if isinstance(one, LongReplay) else None,
        **summary_dict(one.summary),
        **_escalation_dict(one),
        **asdict(one.utilisation),
        **money_dict(one.money),
        **_sureness_dict(case, one),
        "hours_of_week": [asdict(hour) for hour in one.hours],
        "replications": [_interval_dict(interval) for interval in intervals],
        "timeline": timeline_dict(one.timeline),
    }


def _escalation_dict(one: Answer) -> dict[str, Any]:
    """The share that went up, and the tiers with what each cost; no tiers without a second one."""
    found = one.escalation if isinstance(one, Replay) else None
    tiers = found.tier_costs(one.money.fleet_usd) if found else ()
    return {"escalation_frac": escalation_frac(one), "tiers": [asdict(tier) for tier in tiers]}


def _sureness_dict(case: Case, one: Answer) -> dict[str, Any]:
    """The ranges of blended USD per M tokens, and the mean operating point whose spread they are."""
    found = cost_sureness(case, one)
    if found is None:
        return {"usd_per_mtok_range": {"allocation": None, "usage": None}, "range_basis": None}
    return {
        "usd_per_mtok_range": {
            "allocation": ends_dict(found.allocation_usd_per_mtok_ends),
            "usage": ends_dict(found.usage_usd_per_mtok_ends),
        },
        "range_basis": {
            "name": "spread of the rate at the mean operating point of the replay",
            **asdict(found.at),
            "leases_follow_load": found.follows_load,
        },
    }


def summary_dict(summary: Summary) -> dict[str, Any]:
    """Counts, latencies, goodput and shares."""
    return {
        "num_requests": summary.num_requests,
        "num_by_status": summary.num_by_status,
        "num_rejected": summary.num_rejected,
        "ttft_s": _spread_dict(summary.ttft),
        "itl_s": _spread_dict(summary.itl),
        "e2e_s": _spread_dict(summary.e2e),
        "goodput_frac": summary.goodput_frac,
        "slo": [
            {
                "name": check.limit.name,
                "limit_s": check.limit.limit_s,
                "measured_s": check.measured_s,
                "is_met": check.is_met,
            }
            for check in summary.slo_checks
        ],
        "overflow_frac": summary.overflow_frac,
        "cached_input_frac": summary.cached_input_frac,
        "input_tokens": summary.input_tokens,
        "output_tokens": summary.output_tokens,
        "output_tokens_by_status": summary.output_by_status,
        "span_s": summary.span_s,
        "mean_batch_sequences": summary.mean_batch_sequences,
        "mean_kv_tokens": summary.mean_kv_tokens,
        "num_preemptions": summary.num_preemptions,
        "num_losses": summary.num_losses,
    }


def money_dict(money: Money) -> dict[str, Any]:
    """GPU time and USD; None where no price is known."""
    return {
        "gpu_hours": money.gpu_time.gpu_hours,
        "gpu_time": asdict(money.gpu_time),
        "usd": money.usd,
        "fleet_usd": money.fleet_usd,
        "used_usd": money.used_usd,
        "api_usd": money.api_usd,
        "usd_per_mtok": None if money.usd_per_mtok is None else money.usd_per_mtok.to_dict(),
        "usd_per_useful_mtok": money.usd_per_useful_mtok,
        "classes": [_class_dict(one) for one in money.classes],
    }


def timeline_dict(line: Timeline) -> dict[str, Any]:
    """The columns of the time line."""
    columns = (
        "start_s", "requests_per_s", "batch_sequences", "queued_requests", "kv_tokens", "stepping_frac",
        "overflow_frac",
    )  # fmt: skip
    return {"window_s": line.window_s, **{name: getattr(line, name).tolist() for name in columns}}


def _spread_dict(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else spread.to_dict()


def _class_dict(one: ClassCost) -> dict[str, Any]:
    return {**asdict(one), "usd": one.usd}


def _interval_dict(one: Interval) -> dict[str, Any]:
    low, high = one.bounds
    return {"name": one.name, "num_replications": one.num_replications, "mean": one.value, "low": low, "high": high}
