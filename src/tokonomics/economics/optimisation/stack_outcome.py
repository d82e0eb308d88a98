"""One setup of the stack at the batch it runs at: its rates, its latency and the cost of a token."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tokonomics.economics.figures.cost_per_token import TokenCost, TokenVolume, token_cost
from tokonomics.economics.optimisation.speculative import Speculation, break_even_batch, speculate
from tokonomics.economics.optimisation.stack_steps import Served, Setup, serve
from tokonomics.economics.quoting.demand import limit_percentile
from tokonomics.economics.quoting.slo_chance import slo_probabilities
from tokonomics.economics.serving.operating_points import UNLIMITED
from tokonomics.economics.serving.replica import Replica, batch_rates, itl_at_s, refusal
from tokonomics.economics.serving.replica_spread import replica_spread
from tokonomics.physics.step import Floats
from tokonomics.units import SECONDS_PER_HOUR
from tokonomics.workload.slo import Slo


@dataclass(frozen=True, kw_only=True, slots=True)
class Pricing:
    """How rows are priced and judged."""

    replica_usd_per_hour: float | None = None
    tail_percentile: float = 99.0
    slo: Slo = UNLIMITED


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A setup at the batch it runs at. Rates are of the replica; costs are None where the hour has no price.

    `longest_step_s` is a step that carries a prompt, or a chunk of one: the worst gap that a reader sees.
    `accepted_tokens` are those of a verification, 1 without speculation. `rate_sd_log` says how sure throughput and
    cost are, `itl_sd_log` the gaps, as far as the engine goes: the assumptions of the stack are taken as they stand.
    `slo_probability` is the chance that the limits hold; None without limits.
    """

    replica: Replica
    batch: int
    output_tokens_per_s: float
    mean_itl_s: float
    tail_itl_s: float
    longest_step_s: float
    cost: TokenCost | None
    accepted_tokens: float
    speculation_pays_to: int | None
    rate_sd_log: float
    itl_sd_log: float
    slo_probability: float | None
    fails: tuple[str, ...]


def evaluate(served: Served, setup: Setup, pricing: Pricing, values: Mapping[str, float]) -> tuple[Outcome | None, str]:
    """The outcome of a setup, or None and why it does not run."""
    replica = serve(served, setup, values)
    reason = refusal(replica, setup.num_sequences or 1)
    if reason:
        wasted = f" ({values['contiguous_kv_used_frac']:.0%} of the memory for a cache in one piece holds tokens)"
        return None, reason + (wasted if replica.max_batch and not setup.is_paged else "")
    batch = _largest_within(replica, setup, pricing.slo)
    return _outcome(replica, batch, setup, pricing), ""


def _outcome(replica: Replica, batch: int, setup: Setup, pricing: Pricing) -> Outcome:
    plain = batch_rates(replica, float(batch))
    spec = setup.speculation
    fast = speculate(replica, float(batch), spec) if spec else None
    rates, gap_s = (fast, float(fast.mean_itl_s)) if fast else (plain, float(plain.mean_itl_s))
    output = float(rates.output_tokens_per_s)
    prompts_s = float(plain.prefill_frac * plain.mean_itl_s)
    spread = replica_spread(replica, float(batch))
    limited = {
        limit: float(_gaps_s(replica, float(batch), spec, limit_percentile(limit))) for limit in pricing.slo.limits
    }
    likely = slo_probabilities(
        pricing.slo.limits, {limit.name: np.array([gap]) for limit, gap in limited.items()}, spread
    )
    longest = float(plain.longest_step_s) + (float(fast.cycle_s) - (float(plain.mean_itl_s) - prompts_s) if fast else 0)
    return Outcome(
        replica=replica,
        batch=batch,
        output_tokens_per_s=output,
        mean_itl_s=gap_s,
        tail_itl_s=float(_gaps_s(replica, float(batch), spec, pricing.tail_percentile)),
        longest_step_s=longest,
        cost=_cost(replica, output, prompts_s / gap_s, pricing.replica_usd_per_hour),
        accepted_tokens=fast.accepted_tokens if fast else 1.0,
        speculation_pays_to=break_even_batch(replica, spec) if spec else None,
        rate_sd_log=float(spread.rate_sd_log[0]),
        itl_sd_log=float(spread.itl_sd_log[0]),
        slo_probability=None if likely is None else float(likely[0]),
        fails=tuple(
            f"{limit.name}={gap:.3g} s > {limit.limit_s:g} s" for limit, gap in limited.items() if gap > limit.limit_s
        ),
    )


def _gaps_s(replica: Replica, batch: float | Floats, spec: Speculation | None, percentile: float | None) -> Floats:
    """The gap between tokens at a percentile; speculation scales it as it scales the mean."""
    gaps = itl_at_s(replica, batch, percentile)
    if spec is None:
        return gaps
    return np.asarray(gaps / speculate(replica, batch, spec).throughput_factor)


def _largest_within(replica: Replica, setup: Setup, slo: Slo) -> int:
    """The batch asked for, or what memory holds, as far as `slo` lets it; 1 where none keeps it (`fails` says so)."""
    batch = setup.num_sequences or replica.max_batch
    for limit in slo.limits:
        gaps = _gaps_s(replica, replica.batches, setup.speculation, limit_percentile(limit))
        misses = np.flatnonzero(gaps > limit.limit_s)
        batch = min(batch, max(int(misses[0]), 1)) if misses.size else batch
    return batch


def _cost(
    replica: Replica, output_tokens_per_s: float, prefill_frac: float, replica_usd_per_hour: float | None
) -> TokenCost | None:
    if replica_usd_per_hour is None:
        return None
    output = output_tokens_per_s * SECONDS_PER_HOUR
    inputs = output * replica.load.total_input_tokens / replica.load.shape.output_tokens
    volume = TokenVolume(input_tokens=inputs, output_tokens=output)
    return token_cost(replica_usd_per_hour, volume, input_share_frac=prefill_frac)
