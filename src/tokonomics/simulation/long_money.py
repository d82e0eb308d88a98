"""The sums of a long replay as money: GPU time, the bill on both bases, by class and by hour of the week."""

from datetime import datetime
from math import ceil

import numpy as np

from tokonomics.economics.figures.cost_per_token import TokenVolume
from tokonomics.simulation.ask import Case
from tokonomics.simulation.hours import HourCost, hour_costs, time_frac
from tokonomics.simulation.long_api import bill_of
from tokonomics.simulation.long_summary import Whole, leased_s
from tokonomics.simulation.money import ClassCost, GpuTime, Money, cost_bases, fleet_bill, gpu_time
from tokonomics.simulation.shard import windows_of
from tokonomics.simulation.state import Floats, Ints
from tokonomics.units import HOURS_PER_WEEK, MTOK


def long_gpu_time(case: Case, whole: Whole) -> GpuTime:
    """Where the GPU-seconds went: by the accounts of one piece, else between the accounts of each shard."""
    gpus = case.deployed.deployment.num_gpus
    accounts = whole.results[0].accounts
    if accounts is not None:
        return gpu_time(accounts, gpus_per_replica=gpus)
    prefill_s = sum(one.ended.prefill_s - one.begun.prefill_s for one in whole.results)
    decode_s = sum(one.ended.decode_s - one.begun.decode_s for one in whole.results)
    leased = leased_s(case, whole)
    return GpuTime(
        prefill_s=prefill_s * gpus,
        decode_s=decode_s * gpus,
        idle_s=(leased - prefill_s - decode_s) * gpus,
        loading_s=0.0,
        lost_s=0.0,
        leased_s=leased * gpus,
        billed_s=_billed_s(case, whole.span_s) * gpus,
    )


def long_money(case: Case, whole: Whole, time: GpuTime, *, used_frac: float) -> Money:
    """Price a long replay that used the share `used_frac` of its capacity."""
    fleet_usd, used_usd = fleet_bill(time, case.price, used_frac)
    bill = bill_of(case, whole.api)
    api_usd = bill.total_usd if bill else 0.0
    hours, useful = whole.tally.hours, whole.tally.sum_of("useful_tokens")
    volume = TokenVolume(input_tokens=float(hours[:, 1].sum()), output_tokens=float(hours[:, 2].sum()))
    return Money(
        gpu_time=time,
        fleet_usd=fleet_usd,
        used_usd=used_usd,
        api_usd=api_usd,
        usd_per_mtok=cost_bases(time, fleet_usd, used_usd, bill, volume),
        usd_per_useful_mtok=(fleet_usd + api_usd) / useful * MTOK if fleet_usd is not None and useful else None,
        classes=_classes(case, whole, time, fleet_usd),
    )


def long_hours(case: Case, whole: Whole, money: Money) -> tuple[HourCost, ...]:
    """What each hour of the week had and cost."""
    table = whole.tally.hours
    sums = np.concatenate([table[:, :3].T.astype(float), whole.api.hours_usd[None]])
    work = None if case.spec.is_fixed_fleet else _work_frac(table, money.gpu_time)
    return hour_costs(sums, _covered(case, whole, case.start_at), work, fleet_usd=money.fleet_usd)


def _covered(case: Case, whole: Whole, start_at: datetime) -> Floats:
    """Share of the accounted time in each hour of the week; window 0 begins at `start_at`."""
    seconds = np.zeros(HOURS_PER_WEEK)
    for one in whole.results:
        for edge_s, sign in ((one.ended.now_s, 1.0), (one.begun.now_s, -1.0)):
            seconds += sign * edge_s * time_frac(edge_s, start_at)
    return np.maximum(seconds, 0.0) / max(float(seconds.sum()), 1e-12)


def _work_frac(table: Ints, time: GpuTime) -> Floats:
    """Share of the fleet's work in each row: prefill time by prompt tokens computed, decode time by output tokens."""
    prefill_frac = time.prefill_s / time.busy_s if time.busy_s > 0 else 0.0
    total = np.zeros(len(table))
    for column, share in ((3, prefill_frac), (4, 1.0 - prefill_frac)):
        tokens = table[:, column].astype(float)
        if tokens.sum() > 0:
            total += tokens / tokens.sum() * share
    return total


def _classes(case: Case, whole: Whole, time: GpuTime, fleet_usd: float | None) -> tuple[ClassCost, ...]:
    names = windows_of(case).class_ids
    if names is None:
        return ()
    table = whole.tally.classes
    shares = _work_frac(table, time)
    return tuple(
        ClassCost(
            class_index=int(name),
            num_requests=int(row[0]),
            input_tokens=int(row[1]),
            output_tokens=int(row[2]),
            fleet_usd=None if fleet_usd is None else fleet_usd * float(share),
            api_usd=float(api_usd),
        )
        for name, row, share, api_usd in zip(names, table, shares, whole.api.classes_usd)
        if row[0]
    )


def _billed_s(case: Case, span_s: float) -> float:
    """What all leases of a fixed fleet over `span_s` are billed for, in replica-seconds."""
    billed_s = 0.0
    for one in case.fleet.replicas:
        each_s = span_s
        if one.billing_increment_s > 0.0:
            each_s = ceil(span_s / one.billing_increment_s) * one.billing_increment_s
        billed_s += one.num_replicas * max(each_s, one.min_billed_s)
    return billed_s
