"""Traffic as the physics and the money see it: shapes, spreads and monthly volumes."""

from dataclasses import dataclass

from tokonomics.economics.figures.cost_per_token import TokenVolume
from tokonomics.physics.latency import PromptSpread
from tokonomics.physics.steady import RequestShape
from tokonomics.units import SECONDS_PER_MONTH
from tokonomics.workload.percentiles import percentile_value
from tokonomics.workload.slo import Slo, SloLimit
from tokonomics.workload.traffic import Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """One traffic under one SLO. `shape` counts the prompt tokens that are really prefilled."""

    traffic: Traffic
    slo: Slo
    shape: RequestShape

    @property
    def requests_per_s(self) -> float:
        """Mean rate."""
        return self.traffic.requests_per_s

    @property
    def peak_requests_per_s(self) -> float:
        """Rate that the fleet must carry within the SLO."""
        return self.traffic.peak_requests_per_s

    @property
    def month(self) -> TokenVolume:
        """Tokens of a month of 730 hours at the mean rate."""
        requests = self.traffic.requests_per_s * SECONDS_PER_MONTH
        return TokenVolume(
            input_tokens=requests * self.traffic.mean_input_tokens,
            output_tokens=requests * self.traffic.mean_output_tokens,
        )

    def spread_at(self, percentile: float | None) -> PromptSpread:
        """Spread of lengths and arrivals for a latency percentile (None: for the mean)."""
        uncached = self.traffic.input_tokens * (1.0 - self.traffic.cached_input_frac)
        output = self.traffic.output_tokens
        mean = float(uncached.mean())
        return PromptSpread(
            input_tokens=mean if percentile is None else percentile_value(uncached, percentile),
            output_tokens=float(output.mean()) if percentile is None else percentile_value(output, percentile),
            input_cv=float(uncached.std() / mean) if mean > 0.0 else 0.0,
            arrival_cv=self.traffic.arrival_cv,
            median_output_tokens=percentile_value(output, 50.0),
        )


def demand_of(traffic: Traffic, slo: Slo, *, step_budget_tokens: float = 8192.0) -> Demand:
    """Reduce `traffic` to the means that a steady batch needs; prefix-cache hits are not prefilled again.

    The mean context of running sequences weighs each request by its output: a long answer is seen more often.
    """
    inputs, outputs = traffic.input_tokens, traffic.output_tokens
    context = float((outputs * (inputs + outputs / 2.0)).sum() / outputs.sum())
    shape = RequestShape(
        input_tokens=traffic.mean_input_tokens * (1.0 - traffic.cached_input_frac),
        output_tokens=traffic.mean_output_tokens,
        context_tokens=context,
        step_budget_tokens=step_budget_tokens,
    )
    return Demand(traffic=traffic, slo=slo, shape=shape)


def limit_percentile(limit: SloLimit) -> float | None:
    """Percentile of a limit as the physics takes it: None asks for the mean."""
    return None if limit.percentile == "mean" else float(limit.percentile)
