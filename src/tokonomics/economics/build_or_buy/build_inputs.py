"""The inputs of build or buy: the user's word first, then catalogue, physics and trace, then the dated defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.build_or_buy.build_case import BuildCase
from tokonomics.economics.figures.explanation import Term, unit_of
from tokonomics.economics.figures.inputs import assumed_term, stated_problems, stated_term
from tokonomics.economics.hardware.list_prices import HourPrice, TokenPrice
from tokonomics.economics.serving.modelled_replica import ModelledReplica
from tokonomics.errors import raise_all
from tokonomics.units import DAYS_PER_MONTH
from tokonomics.workload.traffic import Traffic

Stated = Mapping[str, float | None]
TOPIC: Final = "reference"
POSITIVE: Final = (
    "replica_tokens_per_s",
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
    "days_per_month",
    "gpu_usd_per_hour",
)
_API: Final = ("api_input_usd_per_mtok", "api_output_usd_per_mtok")
_RATES: Final = ("prefill_tokens_per_s", "decode_tokens_per_s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the catalogue, the physics and a trace contribute; what is None comes from the user or the table."""

    hour: HourPrice | None = None
    api: TokenPrice | None = None
    replica: ModelledReplica | None = None
    traffic: Traffic | None = None


def gather_build_case(stated: Stated, found: Found) -> BuildCase:
    """Gather all inputs of a case, each with its source.

    `stated` may hold gpu_usd_per_hour, num_gpus, api_input_usd_per_mtok, api_output_usd_per_mtok, input_frac,
    replica_tokens_per_s (or prefill_ and decode_tokens_per_s), ops_usd_per_month, peak_ratio, num_spare_replicas
    and days_per_month; None is not stated.
    Raises: InputError with every stated value that is out of bounds or contradicts what was found.
    """
    raise_all([*stated_problems(stated, positive=POSITIVE), *_clashes(stated, found)])
    inputs = {
        **(found.api.terms() if found.api else {name: _stated_or_assumed(stated, name) for name in _API}),
        "input_frac": _input_share(stated, found.traffic),
        **_step(stated, found),
        **_rates(stated, found.replica),
        "ops_usd_per_month": _stated_or_assumed(stated, "ops_usd_per_month"),
        "peak_ratio": _peak(stated, found.traffic),
        "num_spare_replicas": _spares(stated),
    }
    name = found.replica.name if found.replica else found.hour.name if found.hour else "self-host"
    is_modelled = found.replica is not None and inputs.get("replica_tokens_per_s") == found.replica.term
    return BuildCase(
        build_name=name,
        api_name=found.api.name if found.api else "API",
        inputs=inputs,
        rate_sd_log=found.replica.rate_sd_log if found.replica and is_modelled else None,
    )


def _clashes(stated: Stated, found: Found) -> list[str]:
    """Figures that are given twice."""
    twice = [
        *((name, "--api") for name in _API if found.api),
        *((name, "replica_tokens_per_s") for name in _RATES if stated.get("replica_tokens_per_s") is not None),
    ]
    return [
        f"{name} is stated and also follows from {other}; keep one"
        for name, other in twice
        if stated.get(name) is not None
    ]


def _stated_or_assumed(stated: Stated, name: str) -> Term:
    value = stated.get(name)
    return assumed_term(TOPIC, name) if value is None else stated_term(name, value)


def _input_share(stated: Stated, traffic: Traffic | None) -> Term:
    if traffic is None or stated.get("input_frac") is not None:
        return _stated_or_assumed(stated, "input_frac")
    share = traffic.mean_input_tokens / (traffic.mean_input_tokens + traffic.mean_output_tokens)
    return Term("input_frac", share, "share", *_standing(traffic))


def _peak(stated: Stated, traffic: Traffic | None) -> Term:
    ratio = stated.get("peak_ratio")
    if ratio is not None:
        return stated_term("peak_ratio", ratio)
    if traffic is None:
        return Term("peak_ratio", 1.0, "times", "assumed", "an even load; give --peak-ratio or --trace")
    return Term("peak_ratio", traffic.peak_ratio, "times", *_standing(traffic))


def _spares(stated: Stated) -> Term:
    count = stated.get("num_spare_replicas")
    if count is None:
        return Term("num_spare_replicas", 0, "", "assumed", "none stated; a failure then costs service")
    return stated_term("num_spare_replicas", count)


def _standing(traffic: Traffic) -> tuple[str, str]:
    """Measured where a trace was read, else assumed as stated; and the name of the traffic."""
    return ("assumed" if traffic.peak_window_s is None else "measured"), f"traffic {traffic.name}"


def _step(stated: Stated, found: Found) -> dict[str, Term]:
    """One step of the staircase: its accelerators, what they cost, and the replicas in it."""
    hourly, hour = stated.get("gpu_usd_per_hour"), found.hour
    own_gpus = stated.get("num_gpus") or (found.replica.num_gpus if found.replica else 1)
    boxes = f"boxes of {hour.box_gpus}" if hour else "GPUs of a replica"
    num_gpus = hour.box_gpus if hour else round(own_gpus)
    terms = {
        "num_step_gpus": Term("num_step_gpus", num_gpus, "GPUs", "list" if hour else "assumed", boxes),
        "num_step_replicas": Term("num_step_replicas", hour.replicas_per_step if hour else 1, "", "modelled", boxes),
    }
    if hour is not None:
        return {"gpu_usd_per_hour": hour.term, "days_per_month": _days(stated), **terms}
    if hourly is not None:
        return {"gpu_usd_per_hour": stated_term("gpu_usd_per_hour", hourly), "days_per_month": _days(stated), **terms}
    days = _stated_or_assumed(stated, "days_per_month")
    return {"gpu_usd_per_month": assumed_term(TOPIC, "gpu_usd_per_month"), "days_per_month": days, **terms}


def _days(stated: Stated) -> Term:
    days = stated.get("days_per_month")
    if days is not None:
        return stated_term("days_per_month", days)
    return Term("days_per_month", DAYS_PER_MONTH, unit_of("days_per_month"), "assumed", "convention: 730 hours")


def _rates(stated: Stated, replica: ModelledReplica | None) -> dict[str, Term]:
    """The rate of a replica: as stated, else modelled, else prefill and decode from the table."""
    rate = stated.get("replica_tokens_per_s")
    if rate is not None:
        return {"replica_tokens_per_s": stated_term("replica_tokens_per_s", rate)}
    if replica is not None and all(stated.get(name) is None for name in _RATES):
        return {"replica_tokens_per_s": replica.term}
    return {name: _stated_or_assumed(stated, name) for name in _RATES}
