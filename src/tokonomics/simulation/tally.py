"""What a long replay keeps of its requests: sums and histograms, which add up over windows and over shards."""

from typing import Any, Final, NamedTuple

import numpy as np

from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.outside import Outside, one_outside_s
from tokonomics.simulation.sketch import NUM_BINS, bin_of
from tokonomics.simulation.state import CUT, DONE, OVERFLOWED, STATUS_NAMES, Floats, Ints, Load, Machine, Told
from tokonomics.units import HOURS_PER_WEEK, SECONDS_PER_HOUR
from tokonomics.workload.slo import METRICS, Slo

NUM_WORK: Final = 5
"""Columns of an hour or a class: requests, input and output tokens answered, prompt tokens computed, output served."""
_NUM_SUMS: Final = 9
_SERVED_OUTPUT, _CUT_OUTPUT, _SERVED_INPUT, _CACHED, _PREEMPTIONS, _LOSSES, _GOOD, _JUDGED, _USEFUL = range(_NUM_SUMS)


class Tally(NamedTuple):
    """Sums over requests.

    status, asked: requests, and the output tokens they asked for, by status.  sums: by the names of the module.
    bins, known, latency_s: histogram, number and sum of each latency; shapes (3, NUM_BINS), (3,), (3,).
    hours, classes: work by hour of the week and by class; shape (rows, NUM_WORK).
    arrivals, sent, waited_s: by window of arrival, and seconds that requests waited in it; shape (windows,).
    """

    status: Ints
    asked: Ints
    sums: Ints
    bins: Ints
    known: Ints
    latency_s: Floats
    hours: Ints
    classes: Ints
    arrivals: Ints
    sent: Ints
    waited_s: Floats

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        columns: Any = zip(self, other)  # of whole numbers and of seconds
        return Tally(*(one + another for one, another in columns))

    def sum_of(self, name: str) -> int:
        """A sum by name, as SUM_NAMES has them."""
        return int(self.sums[SUM_NAMES.index(name)])


SUM_NAMES: Final = (
    "served_output", "cut_output", "served_input", "cached_input", "preemptions", "losses", "good", "judged",
    "useful_tokens",
)  # fmt: skip


class Judging(NamedTuple):
    """How requests are judged: what is counted, from when on, and what is good.

    begin_s, end_s: arrivals that are counted.  edges_s: of the windows, shape (windows + 1,).  monday_s: from Monday
    midnight to arrival 0.  metric, limit_s: the limits of the SLO.  api_ttft_s, api_itl_s: NaN where not known.
    outside: the terms of `simulation.outside`.
    """

    begin_s: float
    end_s: float
    edges_s: Floats
    monday_s: float
    metric: Ints
    limit_s: Floats
    api_ttft_s: float
    api_itl_s: float
    outside: Outside


def new_tally(*, num_windows: int, num_classes: int) -> Tally:
    """A tally of nothing."""
    num_status, num_metrics = len(STATUS_NAMES), len(METRICS)
    shapes = {
        "status": num_status, "asked": num_status, "sums": _NUM_SUMS, "bins": (num_metrics, NUM_BINS),
        "known": num_metrics, "hours": (HOURS_PER_WEEK, NUM_WORK), "classes": (num_classes, NUM_WORK),
        "arrivals": num_windows, "sent": num_windows,
    }  # fmt: skip
    whole = {name: np.zeros(shape, dtype=np.int64) for name, shape in shapes.items()}
    return Tally(**whole, latency_s=np.zeros(num_metrics), waited_s=np.zeros(num_windows))


def slo_limits(slo: Slo) -> tuple[Ints, Floats]:
    """The limits as the judging code reads them: the index of each metric, and seconds."""
    metrics = np.array([METRICS.index(limit.metric) for limit in slo.limits], dtype=np.int64)
    return metrics, np.array([limit.limit_s for limit in slo.limits], dtype=np.float64)


@compiled
def count_requests(
    tally: Tally, judging: Judging, machine: Machine, load: Load, told: Told, asked: Ints, classes: Ints, first: int
) -> None:
    """Add the requests from row `first` on that are answered, or turned away; those under way are left for later."""
    window, num_windows = 0, tally.arrivals.size
    for index in range(first, load.arrival_s.size):
        arrival_s, status = load.arrival_s[index], told.status[index]
        if told.finish_s[index] != told.finish_s[index] and status == DONE:
            continue
        if arrival_s < judging.begin_s or arrival_s >= judging.end_s:
            continue
        if status == DONE and load.output_tokens[index] < asked[index]:
            status = CUT
        while window < num_windows - 1 and arrival_s >= judging.edges_s[window + 1]:
            window += 1
        tally.arrivals[window] += 1
        if status == OVERFLOWED:
            tally.sent[window] += 1
        elif status <= CUT:
            add_wait(tally.waited_s, judging.edges_s, window, arrival_s, told.scheduled_s[index])
        count_one(tally, judging, machine, load, told, asked[index], classes[index], index, status)


@inlined
def count_one(
    tally: Tally,
    judging: Judging,
    machine: Machine,
    load: Load,
    told: Told,
    asked: int,
    which: int,
    index: int,
    status: int,
) -> None:
    """Add request `index`, of which `status` became and that asked for `asked` tokens of output."""
    sums = tally.sums
    tally.status[status] += 1
    tally.asked[status] += asked
    sums[_PREEMPTIONS] += machine.requests[index].preemptions
    sums[_LOSSES] += machine.requests[index].losses
    inputs, prompt, served, answered = 0, 0, 0, 0
    arrival_s = load.arrival_s[index]
    ttft_s, itl_s, e2e_s = np.nan, np.nan, np.nan
    if status <= CUT:
        inputs, served = load.input_tokens[index], load.output_tokens[index]
        prompt, answered = inputs - load.cached_tokens[index], served
        sums[_SERVED_OUTPUT] += served
        sums[_CUT_OUTPUT] += asked - served
        sums[_SERVED_INPUT] += inputs
        sums[_CACHED] += inputs - prompt
        if served > 1:
            itl_s = (told.finish_s[index] - told.first_token_s[index]) / (served - 1)
        outside_s = one_outside_s(judging.outside, machine, load, told, index, itl_s if served > 1 else 0.0)
        ttft_s = told.first_token_s[index] - arrival_s + outside_s
        e2e_s = told.finish_s[index] - arrival_s + outside_s
    elif status == OVERFLOWED:
        inputs, answered = load.input_tokens[index], asked
        ttft_s = judging.api_ttft_s
        e2e_s = ttft_s + (asked - 1) * judging.api_itl_s
        if asked > 1:
            itl_s = judging.api_itl_s
    add_latency(tally, 0, ttft_s)
    add_latency(tally, 1, itl_s)
    add_latency(tally, 2, e2e_s)
    is_known = e2e_s == e2e_s
    if is_known or status != OVERFLOWED:
        sums[_JUDGED] += 1
    if is_known and is_within(judging, ttft_s, itl_s, e2e_s):
        sums[_GOOD] += 1
        sums[_USEFUL] += inputs + answered
    hour = int((arrival_s + judging.monday_s) / SECONDS_PER_HOUR) % HOURS_PER_WEEK
    add_work(tally.hours, hour, inputs, answered, prompt, served)
    add_work(tally.classes, which, inputs, answered, prompt, served)


@inlined
def add_work(table: Ints, row: int, inputs: int, answered: int, prompt: int, served: int) -> None:
    """Add a request to its hour or class."""
    table[row, 0] += 1
    table[row, 1] += inputs
    table[row, 2] += answered
    table[row, 3] += prompt
    table[row, 4] += served


@inlined
def add_latency(tally: Tally, metric: int, value_s: float) -> None:
    """Add a latency, unless it is not known."""
    if value_s == value_s:
        tally.known[metric] += 1
        tally.latency_s[metric] += value_s
        tally.bins[metric, bin_of(value_s)] += 1


@compiled
def is_within(judging: Judging, ttft_s: float, itl_s: float, e2e_s: float) -> bool:
    """Whether latencies are within every limit; an output of one token has no gap to miss."""
    for at in range(judging.metric.size):
        metric = judging.metric[at]
        value_s = ttft_s if metric == 0 else itl_s if metric == 1 else e2e_s
        if not value_s <= judging.limit_s[at] and not (metric == 1 and value_s != value_s):
            return False
    return True


@compiled
def add_wait(waited_s: Floats, edges_s: Floats, window: int, begin_s: float, end_s: float) -> None:
    """Spread a wait over the windows it lies in; what lies beyond the last is left out."""
    while window < waited_s.size and end_s > begin_s:
        until_s = min(end_s, edges_s[window + 1])
        waited_s[window] += max(until_s - begin_s, 0.0)
        begin_s = until_s
        window += 1
