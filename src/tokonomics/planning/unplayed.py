"""Which purchases the main replay never saw: those that run only in hours outside the stretch that it holds."""

import numpy as np

from tokonomics.planning.draft import Draft, Purchase
from tokonomics.simulation.proof_traffic import ProofTraffic
from tokonomics.units import HOURS_PER_WEEK, SECONDS_PER_HOUR


def unplayed(draft: Draft, traffic: ProofTraffic) -> tuple[Purchase, ...]:
    """The purchases of `draft` that run in no hour of `traffic`; none where fleets stand as they are."""
    bucket_of_hour = draft.buckets.bucket_of_hour
    if bucket_of_hour is None:
        return ()
    seen = np.unique(bucket_of_hour[played_hours(traffic)])
    return tuple(one for one in draft.purchases if not one.num_replicas[seen].any())


def played_hours(traffic: ProofTraffic) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The hours of the week, Monday at 00:00 first, in which replayed requests arrive."""
    first = int(traffic.begin_s // SECONDS_PER_HOUR)
    last = int((traffic.begin_s + float(traffic.requests.arrival_s[-1])) // SECONDS_PER_HOUR)
    return np.unique(np.arange(first, min(last, first + HOURS_PER_WEEK - 1) + 1) % HOURS_PER_WEEK)
