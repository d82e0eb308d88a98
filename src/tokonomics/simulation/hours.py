"""What each hour of the week had and cost: nights are dear a token where the fleet does not shrink."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tokonomics.simulation.api_bill import ApiBill
from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.money import GpuTime, work_frac
from tokonomics.simulation.requests import FloatArray, Requests
from tokonomics.simulation.state import OVERFLOWED
from tokonomics.simulation.summary import is_served
from tokonomics.units import HOURS_PER_WEEK, MTOK, SECONDS_PER_HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class HourCost:
    """One hour of the week, UTC, 0 on Monday at midnight: what arrived and was answered, and what it cost.

    usd_per_mtok is None where nothing was answered, or the fleet is unpriced.
    """

    hour_of_week: int
    num_requests: int
    input_tokens: int
    output_tokens: int
    fleet_usd: float | None
    api_usd: float
    usd_per_mtok: float | None


def cost_by_hour(
    requests: Requests,
    result: FleetResult,
    time: GpuTime,
    *,
    fleet_usd: float | None,
    bill: ApiBill | None,
    start_at: datetime,
    is_fixed: bool,
) -> tuple[HourCost, ...]:
    """The hours of the week that the replay touches.

    The bill of a fixed fleet (`is_fixed`) is spread evenly over time, that of a changing one by work.
    """
    hour = hours_of_week(requests.arrival_s - result.start_s, start_at)
    answered = is_served(result) | (result.status == OVERFLOWED)
    outputs = np.where(result.status == OVERFLOWED, requests.output_tokens, result.output_tokens)
    api_usd = np.zeros(requests.num_requests)
    if bill is not None:
        api_usd[result.status == OVERFLOWED] = bill.input_usd + bill.output_usd
    columns = (np.ones(hour.size), answered * requests.input_tokens, outputs, api_usd)
    counts, inputs, output, api = (np.bincount(hour, weights=one, minlength=HOURS_PER_WEEK) for one in columns)
    work = None
    if not is_fixed:
        work = np.asarray(
            np.bincount(hour, weights=work_frac(requests, result, time), minlength=HOURS_PER_WEEK), dtype=float
        )
    covered = time_frac(result.end_s - result.start_s, start_at)
    return hour_costs(np.stack([counts, inputs, output, api]), covered, work, fleet_usd=fleet_usd)


def hour_costs(
    sums: FloatArray, covered: FloatArray, work: FloatArray | None, *, fleet_usd: float | None
) -> tuple[HourCost, ...]:
    """The hours of the week from sums by hour: requests, input tokens, output tokens and API USD, shape (4, 168).

    covered: share of the time in each hour.  work: share of the fleet's bill in each; None: as the time.
    """
    share = covered if work is None else work
    return tuple(
        _hour_cost(at, sums[:, at], None if fleet_usd is None else float(fleet_usd * share[at]))
        for at in np.flatnonzero((covered > 0) | (sums[0] > 0)).tolist()
    )


def hours_of_week(since_s: FloatArray, start_at: datetime) -> np.typing.NDArray[np.int64]:
    """Hour of the week, 0 to 167 from Monday midnight, of each time after `start_at`.

    >>> hours_of_week(np.array([0.0, 3600.0]), datetime(2026, 11, 23, 9, 30)).tolist()
    [9, 10]
    """
    return np.floor((since_s + since_monday_s(start_at)) / SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_WEEK


def since_monday_s(start_at: datetime) -> float:
    """Seconds from Monday midnight to `start_at`."""
    clock_s = start_at.hour * 3600.0 + start_at.minute * 60.0 + start_at.second
    return start_at.weekday() * 86400.0 + clock_s


def time_frac(span_s: float, start_at: datetime) -> FloatArray:
    """Share of the replay's time that lies in each hour of the week; shape (168,)."""
    begin_s = since_monday_s(start_at)
    first, last = int(begin_s // SECONDS_PER_HOUR), int((begin_s + span_s) // SECONDS_PER_HOUR)
    edges_s = np.clip(np.arange(first, last + 2) * SECONDS_PER_HOUR, begin_s, begin_s + span_s)
    hour = np.arange(first, last + 1) % HOURS_PER_WEEK
    shares = np.bincount(hour, weights=np.diff(edges_s), minlength=HOURS_PER_WEEK)
    return np.asarray(shares / span_s if span_s > 0 else shares)


def _hour_cost(at: int, sums: FloatArray, fleet_usd: float | None) -> HourCost:
    num, inputs, outputs, api_usd = (float(one) for one in sums)
    tokens = inputs + outputs
    usd = None if fleet_usd is None else fleet_usd + api_usd
    return HourCost(
        hour_of_week=at,
        num_requests=int(num),
        input_tokens=int(inputs),
        output_tokens=int(outputs),
        fleet_usd=fleet_usd,
        api_usd=api_usd,
        usd_per_mtok=None if usd is None or tokens <= 0 else usd / tokens * MTOK,
    )
