"""The record of traffic: how many requests a second, how long, how bursty, and where the numbers came from."""

from dataclasses import dataclass, replace

import numpy as np

from tokonomics.errors import raise_all
from tokonomics.units import SECONDS_PER_MONTH
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import (
    MAX_REQUESTS_PER_S,
    length_problems,
    positive_problems,
    range_problems,
)
from tokonomics.workload.prefix import BlockHashes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traffic:
    """Requests as a service meets them.

    input_tokens, output_tokens: a paired sample of requests, shape (n,), tokens; n = 1 means constants.
    peak_requests_per_s: the rate to size for, the highest over windows of peak_window_s (None: not measured).
    rate_series_requests_per_s: mean rate of each window of window_s, in order, where a record has it.
    cached_input_frac: share of input tokens that a prefix cache can reuse at best.
    reasoning_frac: share of output tokens that is reasoning.
    arrivals_s (sorted, from 0) and block_hashes: of a replayed trace, paired with the lengths.
    """

    name: str
    requests_per_s: float
    peak_requests_per_s: float
    input_tokens: FloatArray
    output_tokens: FloatArray
    arrival_cv: float = 1.0
    cached_input_frac: float = 0.0
    reasoning_frac: float = 0.0
    source: str
    peak_window_s: float | None = None
    rate_series_requests_per_s: FloatArray | None = None
    window_s: float | None = None
    arrivals_s: FloatArray | None = None
    block_hashes: BlockHashes | None = None

    def __post_init__(self) -> None:
        raise_all(_problems(self))

    @property
    def mean_input_tokens(self) -> float:
        """Mean input length, tokens per request."""
        return float(self.input_tokens.mean())

    @property
    def mean_output_tokens(self) -> float:
        """Mean output length (reasoning included), tokens per request."""
        return float(self.output_tokens.mean())

    @property
    def requests_per_month(self) -> float:
        """Requests in a month of 730 hours at the mean rate."""
        return self.requests_per_s * SECONDS_PER_MONTH

    @property
    def tokens_per_month(self) -> float:
        """Input plus output tokens in a month of 730 hours at the mean rate."""
        return self.requests_per_month * (self.mean_input_tokens + self.mean_output_tokens)

    @property
    def peak_ratio(self) -> float:
        """Peak rate over mean rate."""
        return self.peak_requests_per_s / self.requests_per_s

    def scaled_to(self, requests_per_s: float) -> "Traffic":
        """The same requests at another mean rate: as if more, or fewer, users of the same kind came.

        Rates (mean, peak, series) are multiplied and keep their windows; gaps between arrivals are divided,
        so that a replay takes less or more time. Lengths and burstiness stay.
        """
        raise_all(positive_problems("requests_per_s", requests_per_s, "requests/s", most=MAX_REQUESTS_PER_S))
        factor = requests_per_s / self.requests_per_s
        series, arrivals_s = self.rate_series_requests_per_s, self.arrivals_s
        return replace(
            self,
            requests_per_s=requests_per_s,
            peak_requests_per_s=max(self.peak_requests_per_s * factor, requests_per_s),
            rate_series_requests_per_s=None if series is None else series * factor,
            arrivals_s=None if arrivals_s is None else arrivals_s / factor,
            source=f"{self.source}; scaled from {self.requests_per_s:.4g} to {requests_per_s:.4g} requests/s",
        )


def share_problems(arrival_cv: float, cached_input_frac: float, reasoning_frac: float) -> list[str]:
    """Violations of the three numbers that are the same for every request."""
    percent = "give a share, not percent"
    return (
        range_problems("arrival_cv", arrival_cv, 0.0, 1e4, "0 is a clock, 1 is Poisson, above 1 is bursty")
        + range_problems("cached_input_frac", cached_input_frac, 0.0, 1.0, percent)
        + range_problems("reasoning_frac", reasoning_frac, 0.0, 1.0, percent)
    )


def _problems(traffic: Traffic) -> list[str]:
    mean, peak = traffic.requests_per_s, traffic.peak_requests_per_s
    problems = positive_problems("requests_per_s", mean, "requests/s", most=MAX_REQUESTS_PER_S)
    problems += share_problems(traffic.arrival_cv, traffic.cached_input_frac, traffic.reasoning_frac)
    problems += length_problems("input_tokens", traffic.input_tokens)
    problems += length_problems("output_tokens", traffic.output_tokens)
    if not problems and not mean <= peak < np.inf:
        problems.append(f"peak_requests_per_s={peak} requests/s; limit=the mean of {mean} or more; raise the peak")
    columns = (traffic.input_tokens, traffic.output_tokens, traffic.arrivals_s)
    sizes = [column.size for column in columns if column is not None]
    if len(set(sizes)) > 1:
        problems.append(f"lengths and arrivals have {sizes} entries; limit=one entry a request; pair them")
    return problems
