"""Build or buy as one case: every input with its source, and the curves of both sides that follow from them.

All inputs are numbers by name, so that one of them can be moved and the case drawn again: the tornado does that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.figures.inputs import Inputs, values_of
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok
from tokonomics.units import MTOK, SECONDS_PER_DAY

HOURS_PER_DAY = 24.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildCase:
    """The names of both sides and the inputs of their curves (see `gather_build_case` for which there are).

    `rate_sd_log` says how sure the rate of a replica is; None where the physics did not give it.
    """

    build_name: str
    api_name: str
    inputs: Inputs
    rate_sd_log: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildCurves:
    """Renting around the clock, renting by the token at the same rate, and the API."""

    always_on: CostCurve
    pay_per_use: CostCurve
    api: CostCurve


def build_curves(case: BuildCase, moved: Mapping[str, float] | None = None) -> BuildCurves:
    """The three curves of a case at its own inputs, or with some of them `moved`."""
    at = {**values_of(case.inputs), **(moved or {})}
    fixed, days, step_usd = at["ops_usd_per_month"], at["days_per_month"], step_usd_per_month(at)
    step_tokens = replica_tokens_per_s(at) * at["num_step_replicas"] * SECONDS_PER_DAY
    api_usd_per_mtok = blended_usd_per_mtok(
        input_usd_per_mtok=at["api_input_usd_per_mtok"],
        output_usd_per_mtok=at["api_output_usd_per_mtok"],
        input_frac=at["input_frac"],
    )
    return BuildCurves(
        always_on=CostCurve(
            name=case.build_name,
            fixed_usd_per_month=fixed,
            replica_usd_per_month=step_usd,
            replica_tokens_per_day=step_tokens,
            num_spare_replicas=round(at["num_spare_replicas"]),
            peak_ratio=at["peak_ratio"],
            days_per_month=days,
        ),
        pay_per_use=CostCurve(
            name=f"{case.build_name}, paid per use",
            fixed_usd_per_month=fixed,
            usd_per_mtok=step_usd / (step_tokens * days) * MTOK,
            days_per_month=days,
        ),
        api=api_curve(case.api_name, usd_per_mtok=api_usd_per_mtok, days_per_month=days),
    )


def step_usd_per_month(values: Mapping[str, float]) -> float:
    """What one step of the staircase costs a month: its accelerators by the hour, or by a month's price."""
    if "gpu_usd_per_hour" in values:
        return values["gpu_usd_per_hour"] * values["num_step_gpus"] * HOURS_PER_DAY * values["days_per_month"]
    return values["gpu_usd_per_month"] * values["num_step_gpus"]


def replica_tokens_per_s(values: Mapping[str, float]) -> float:
    """Tokens of both kinds that a replica handles: one rate, or prefill and decode at the mix of the traffic."""
    if "replica_tokens_per_s" in values:
        return values["replica_tokens_per_s"]
    return blended_tokens_per_s(
        prefill_tokens_per_s=values["prefill_tokens_per_s"],
        decode_tokens_per_s=values["decode_tokens_per_s"],
        input_frac=values["input_frac"],
    )
