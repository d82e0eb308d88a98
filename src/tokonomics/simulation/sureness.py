"""How sure the cost of a replay is: the spread of the rate at its mean operating point, without a second replay.

A replay runs at the central constants. The range says what its work would cost if a step of the same batch took as
much longer or shorter as the spread of the rate allows. What a fleet leases follows its work only where it is
autoscaled; any other is leased as it was replayed, and slower steps make it run larger batches. What overflows is taken
as replayed.
"""

from dataclasses import dataclass

import numpy as np

from tokonomics.economics.figures.ranges import Ends, ends_of
from tokonomics.physics.uncertainty import step_spread
from tokonomics.simulation.ask import Case
from tokonomics.simulation.long_replay import Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingMean:
    """The mean step of a replay: sequences, tokens that each attends to, and prompt tokens that run beside them."""

    batch_sequences: float
    context_tokens: float
    prompt_tokens: float
    rate_sd_log: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CostSureness:
    """The 10-90 % ranges of blended USD per M tokens; None where unpriced.

    That of the allocation is None as well where the leases do not follow the work (`follows_load`).
    """

    at: OperatingMean
    allocation_usd_per_mtok_ends: Ends | None
    usage_usd_per_mtok_ends: Ends | None
    follows_load: bool


def cost_sureness(case: Case, one: Answer) -> CostSureness | None:
    """How sure the cost of `one` is; None where the fleet did not run at all."""
    at = operating_mean(case, one)
    if at is None:
        return None
    follows_load = case.spec.autoscale_requests is not None
    money, cost = one.money, one.money.usd_per_mtok
    allocation: Ends | None = None
    usage: Ends | None = None
    if cost is not None and money.fleet_usd is not None and money.used_usd is not None:
        work = ends_of(1.0, at.rate_sd_log)
        if follows_load:
            allocation = _ends(cost.allocation.blended_usd_per_mtok, money.fleet_usd, money.api_usd, work)
        usage = _ends(cost.usage.blended_usd_per_mtok, money.used_usd, money.api_usd, work)
    return CostSureness(
        at=at, allocation_usd_per_mtok_ends=allocation, usage_usd_per_mtok_ends=usage, follows_load=follows_load
    )


def operating_mean(case: Case, one: Answer) -> OperatingMean | None:
    """The mean step of the fleet while it was busy, and how sure the rate is there; None where it never was."""
    work = one.work  # totals, which a replay too long to keep its requests has too
    if not (work.busy_s > 0.0 and work.sequence_time_s > 0.0 and work.output_tokens > 0):
        return None
    batch, context = work.sequence_time_s / work.busy_s, work.kv_token_time_s / work.sequence_time_s
    spread = step_spread(
        [case.deployed.deployment],
        case.deployed.step_model,
        np.array([batch]),
        context,
        np.array([batch * work.prompt_tokens / work.output_tokens]),
        work.input_tokens / work.num_served / 2.0,
    )
    return OperatingMean(
        batch_sequences=batch,
        context_tokens=context,
        prompt_tokens=batch * work.prompt_tokens / work.output_tokens,
        rate_sd_log=float(spread.rate_sd_log[0]),
    )


def _ends(blended_usd_per_mtok: float, fleet_usd: float, api_usd: float, ratios: Ends) -> Ends:
    """The ends of the cost when the fleet's share moves by `ratios` and the API's stays."""
    total_usd = fleet_usd + api_usd
    low, high = ((fleet_usd * ratio + api_usd) / total_usd if total_usd > 0.0 else 1.0 for ratio in ratios)
    return blended_usd_per_mtok * low, blended_usd_per_mtok * high
