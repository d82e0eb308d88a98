"""A schedule by hours of the week on the clock of a replay, which begins somewhere in the week."""

from collections.abc import Mapping

from tokonomics.units import HOURS_PER_WEEK, SECONDS_PER_HOUR


def replicas_at(hours: Mapping[int, int], time_s: float) -> int:
    """Replicas at `time_s` of the week, by the hours at which their number changes, of which there must be one.

    >>> replicas_at({0: 1, 9: 4}, 10 * 3600.0), replicas_at({9: 4, 20: 1}, 0.0)
    (4, 1)
    """
    hour = int(time_s // SECONDS_PER_HOUR) % HOURS_PER_WEEK
    begun = [num for start, num in hours.items() if start <= hour]
    return begun[-1] if begun else list(hours.values())[-1]


def capacity_plan(hours: Mapping[int, int], *, begin_s: float, span_s: float) -> tuple[tuple[float, int], ...]:
    """Seconds after `begin_s` and replicas from then on, for `span_s`; what an hour needs serves from its beginning.

    >>> capacity_plan({0: 1, 9: 4}, begin_s=8.5 * 3600.0, span_s=3600.0)
    ((1800.0, 4),)
    """
    first = int(begin_s // SECONDS_PER_HOUR)
    last = int((begin_s + span_s) // SECONDS_PER_HOUR) if hours else first
    starts = (
        (hour * SECONDS_PER_HOUR - begin_s, replicas_at(hours, hour * SECONDS_PER_HOUR))
        for hour in range(first + 1, last + 1)
    )
    plan: list[tuple[float, int]] = []
    for start_s, num in starts:
        if not plan or plan[-1][1] != num:
            plan.append((start_s, num))
    return tuple(plan)
