"""Which replica gets a request, and how many replicas there should be: pure functions of arrays and numbers.

The simulator compiles them with numba and the gateway calls them as they are, so they use plain loops and arithmetic
only: no objects, clock or I/O. Arrays (or lists) have one entry a replica; `accepts` is 0 where a replica takes no new
requests; the answer is an index, or -1 when none accepts. Ties go to the lowest index.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

Numbers = Sequence[float] | Sequence[int] | NDArray[Any]
Counts = Sequence[int] | NDArray[Any]


def next_in_turn(last: int, accepts: Counts) -> int:
    """The replica after `last`, in turn.

    >>> next_in_turn(2, [1, 0, 1]), next_in_turn(0, [1, 0, 1]), next_in_turn(0, [0, 0, 0])
    (0, 2, -1)
    """
    num = len(accepts)
    for step in range(1, num + 1):
        if accepts[(last + step) % num]:
            return (last + step) % num
    return -1


def least_outstanding(outstanding_tokens: Numbers, accepts: Counts) -> int:
    """The replica with the fewest tokens outstanding: of requests that were sent there and have not finished.

    >>> least_outstanding([900, 200, 100], [1, 1, 0])
    1
    """
    best = -1
    for at in range(len(accepts)):
        if accepts[at] and (best < 0 or outstanding_tokens[at] < outstanding_tokens[best]):
            best = at
    return best


def predicted_ttft_s(queued_tokens: float, input_tokens: float, prefill_tokens_per_s: float, step_s: float) -> float:
    """Time to the first token of a request queued now: the prompts before it and its own, and a step.

    >>> predicted_ttft_s(3000, 1000, 8000, 0.05)
    0.55
    """
    return (queued_tokens + input_tokens) / prefill_tokens_per_s + step_s


def shortest_wait(
    queued_tokens: Numbers,
    outstanding_tokens: Numbers,
    input_tokens: float,
    prefill_tokens_per_s: Numbers,
    step_s: Numbers,
    accepts: Counts,
) -> int:
    """The replica with the least predicted time to the first token; of several, that with least outstanding.

    >>> shortest_wait([0, 500], [0, 0], 1000, [1000, 4000], [0.1, 0.1], [1, 1])
    1
    >>> shortest_wait([0, 0], [900, 200], 1000, [1000, 1000], [0.1, 0.1], [1, 1])
    1
    """
    best, best_s = -1, 0.0
    for at in range(len(accepts)):
        if accepts[at]:
            wait_s = (queued_tokens[at] + input_tokens) / prefill_tokens_per_s[at] + step_s[at]
            if best < 0 or wait_s < best_s or (wait_s == best_s and outstanding_tokens[at] < outstanding_tokens[best]):
                best, best_s = at, wait_s
    return best


def longest_prefix(cached_tokens: Numbers, outstanding_tokens: Numbers, max_load_ratio: float, accepts: Counts) -> int:
    """The replica that holds most of the prompt, if it is not overloaded; else the one with least outstanding.

    Overloaded is more than `max_load_ratio` times the mean of outstanding tokens over accepting replicas.

    >>> longest_prefix([0, 512], [100, 120], 2.0, [1, 1]), longest_prefix([0, 512], [0, 120], 1.5, [1, 1])
    (1, 0)
    """
    best, num, total = -1, 0, 0.0
    for at in range(len(accepts)):
        if accepts[at]:
            num += 1
            total += outstanding_tokens[at]
            if (
                best < 0
                or cached_tokens[at] > cached_tokens[best]
                or (cached_tokens[at] == cached_tokens[best] and outstanding_tokens[at] < outstanding_tokens[best])
            ):
                best = at
    if best < 0 or cached_tokens[best] == 0 or outstanding_tokens[best] * num > max_load_ratio * total:
        least = -1
        for at in range(len(accepts)):
            if accepts[at] and (least < 0 or outstanding_tokens[at] < outstanding_tokens[least]):
                least = at
        return least
    return best


def wanted_replicas(num_requests: int, target_requests: float, least: int, most: int) -> int:
    """Replicas that bring the requests in the system, running or waiting, to `target_requests` each.

    >>> wanted_replicas(25, 10.0, 1, 8), wanted_replicas(0, 10.0, 1, 8), wanted_replicas(500, 10.0, 1, 8)
    (3, 1, 8)
    """
    wanted = int(-(-num_requests // target_requests))
    return max(least, min(most, wanted))
