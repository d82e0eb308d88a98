"""What the overflow of a long replay costs at an API, added up window by window."""

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from tokonomics.simulation.api_bill import ApiBill, api_bill
from tokonomics.simulation.ask import Case
from tokonomics.simulation.hours import hours_of_week
from tokonomics.simulation.state import OVERFLOWED, Floats
from tokonomics.simulation.stream import Served
from tokonomics.simulation.tally import Judging
from tokonomics.units import HOURS_PER_WEEK, SECONDS_PER_DAY


class ApiSums(NamedTuple):
    """USD of input and of output, shape (2,); and of both by hour of the week and by class."""

    parts_usd: Floats
    hours_usd: Floats
    classes_usd: Floats

    def plus(self, other: "ApiSums") -> "ApiSums":
        """Both together."""
        return ApiSums(*(one + another for one, another in zip(self, other)))


def new_api_sums(num_classes: int) -> ApiSums:
    """Nothing sent yet."""
    return ApiSums(np.zeros(2), np.zeros(HOURS_PER_WEEK), np.zeros(num_classes))


def add_api_bill(case: Case, sums: ApiSums, served: Served, judging: Judging, first: int) -> None:
    """Add what the counted requests of a window cost that overflowed; `first` is the first that came with it."""
    name = case.spec.overflow
    arrival_s = served.load.arrival_s[first:]
    sent = served.told.status[first:] == OVERFLOWED
    sent &= (arrival_s >= judging.begin_s) & (arrival_s < judging.end_s)
    if name is None or not sent.any():
        return
    arrival_s = arrival_s[sent]
    days = int(arrival_s[0] // SECONDS_PER_DAY)
    bill = api_bill(
        case.catalog,
        name,
        input_tokens=served.load.input_tokens[first:][sent],
        output_tokens=served.asked_tokens[first:][sent],
        arrival_s=arrival_s - days * SECONDS_PER_DAY,
        start_at=case.start_at + timedelta(days=days),
        cached_input_frac=case.demand.cached_input_frac,
    )
    both_usd = bill.input_usd + bill.output_usd
    sums.parts_usd[:] += (bill.input_usd.sum(), bill.output_usd.sum())
    sums.hours_usd[:] += np.bincount(
        hours_of_week(arrival_s, case.start_at), weights=both_usd, minlength=HOURS_PER_WEEK
    )
    classes = served.classes[first:][sent]
    sums.classes_usd[:] += np.bincount(classes, weights=both_usd, minlength=sums.classes_usd.size)


def bill_of(case: Case, sums: ApiSums) -> ApiBill | None:
    """The bill as one line; None without an API to overflow to."""
    if case.spec.overflow is None:
        return None
    price = case.catalog.api_price(case.spec.overflow, at=case.start_at.date())
    return ApiBill(price=price, input_usd=sums.parts_usd[:1], output_usd=sums.parts_usd[1:])
