"""Where every GPU-second and every dollar of a replay went."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.cost_per_token import CostBases, TokenCost, TokenVolume, token_cost
from tokonomics.simulation.api_bill import ApiBill, api_bill
from tokonomics.simulation.fleet import FleetAccounts, FleetResult
from tokonomics.simulation.fleet_price import FleetPrice
from tokonomics.simulation.requests import FloatArray, IntArray, Requests
from tokonomics.simulation.state import OVERFLOWED
from tokonomics.simulation.summary import is_served
from tokonomics.units import MTOK, SECONDS_PER_HOUR

_RESIDUE_FRAC = 1e-12
_MOST_DENSE = 1 << 20
"""Classes up to this number are counted in place; sparser ones are numbered first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuTime:
    """GPU-seconds of a fleet. prefill, decode, idle, loading and lost sum to leased; billed rounds leases up.

    lost is what an interruption cut off of a running step; what it made to be computed again is busy time.
    """

    prefill_s: float
    decode_s: float
    idle_s: float
    loading_s: float
    lost_s: float
    leased_s: float
    billed_s: float

    @property
    def busy_s(self) -> float:
        """Prefill and decode."""
        return self.prefill_s + self.decode_s

    @property
    def gpu_hours(self) -> float:
        """GPU-hours that are paid."""
        return self.billed_s / SECONDS_PER_HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassCost:
    """What one class (tenant) of requests had and cost; USD are None where the fleet is unpriced.

    The fleet's bill is shared by work: prefill time by prompt tokens that were computed, decode time by output tokens.
    """

    class_index: int
    num_requests: int
    input_tokens: int
    output_tokens: int
    fleet_usd: float | None
    api_usd: float

    @property
    def usd(self) -> float | None:
        """Fleet and API together."""
        return None if self.fleet_usd is None else self.fleet_usd + self.api_usd


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """The bill of a replay; None where no price is known.

    usd_per_mtok: over all tokens that were answered, here or at the API. `allocation` is all that is paid;
    `usage` only the share of its leases that the fleet's work would fill, as in a quote, and the API.
    used_usd: that share of the leases, at the price of a GPU-hour without the idle GPUs of boxes.
    usd_per_useful_mtok: allocation over the tokens of requests answered within the SLO.
    """

    gpu_time: GpuTime
    fleet_usd: float | None
    used_usd: float | None
    api_usd: float
    usd_per_mtok: CostBases | None
    usd_per_useful_mtok: float | None
    classes: tuple[ClassCost, ...]

    @property
    def usd(self) -> float | None:
        """All that is paid: fleet and API."""
        return None if self.fleet_usd is None else self.fleet_usd + self.api_usd


def gpu_time(accounts: FleetAccounts, *, gpus_per_replica: int) -> GpuTime:
    """The accounts of all replicas, in GPU-seconds."""
    names = ("prefill_s", "decode_s", "idle_s", "loading_s", "lost_s", "leased_s", "billed_s")
    sums = {name: float(getattr(accounts, name).sum()) * gpus_per_replica for name in names}
    if abs(sums["idle_s"]) < _RESIDUE_FRAC * sums["leased_s"]:  # a difference of sums: what rounding leaves is no time
        sums["idle_s"] = 0.0
    return GpuTime(**sums)


def overflow_bill(
    catalog: Catalog, name: str, requests: Requests, result: FleetResult, *, start_at: datetime, cached_frac: float
) -> ApiBill:
    """What the requests that overflowed cost at endpoint `name`; shape (requests sent there,)."""
    sent = result.status == OVERFLOWED
    return api_bill(
        catalog,
        name,
        input_tokens=requests.input_tokens[sent],
        output_tokens=requests.output_tokens[sent],
        arrival_s=requests.arrival_s[sent],
        start_at=start_at,
        cached_input_frac=cached_frac,
    )


def account_money(
    requests: Requests,
    result: FleetResult,
    good: NDArray[np.bool_],
    *,
    gpus_per_replica: int,
    price: FleetPrice,
    used_frac: float,
    bill: ApiBill | None,
) -> Money:
    """Price the replay. `good` marks requests answered within the SLO, `used_frac` is the share of capacity used."""
    time = gpu_time(result.accounts, gpus_per_replica=gpus_per_replica)
    fleet_usd, used_usd = fleet_bill(time, price, used_frac)
    volume = _volume(requests, result)
    api_usd = bill.total_usd if bill else 0.0
    useful = float(requests.input_tokens[good].sum() + _answered_output(requests, result)[good].sum())
    return Money(
        gpu_time=time,
        fleet_usd=fleet_usd,
        used_usd=used_usd,
        api_usd=api_usd,
        usd_per_mtok=cost_bases(time, fleet_usd, used_usd, bill, volume),
        usd_per_useful_mtok=(fleet_usd + api_usd) / useful * MTOK if fleet_usd is not None and useful > 0 else None,
        classes=_classes(requests, result, time, fleet_usd, bill),
    )


def fleet_bill(time: GpuTime, price: FleetPrice, used_frac: float) -> tuple[float | None, float | None]:
    """USD of all that is billed, and of the share `used_frac` of the leases; None where the fleet is unpriced."""
    paid, listed = price.usd_per_gpu_hour, price.offer_usd_per_gpu_hour
    if paid is None or listed is None:
        return None, None
    return time.gpu_hours * paid, time.leased_s / SECONDS_PER_HOUR * used_frac * listed


def cost_bases(
    time: GpuTime, fleet_usd: float | None, used_usd: float | None, bill: ApiBill | None, volume: TokenVolume
) -> CostBases | None:
    """Cost of a million tokens on both bases; None where the fleet is unpriced, or nothing was answered."""
    if fleet_usd is None or used_usd is None or volume.total_tokens <= 0:
        return None
    prefill_frac = time.prefill_s / time.busy_s if time.busy_s > 0 else 0.5
    return CostBases(
        allocation=_cost(fleet_usd, prefill_frac, bill, volume), usage=_cost(used_usd, prefill_frac, bill, volume)
    )


def _cost(fleet_usd: float, prefill_frac: float, bill: ApiBill | None, volume: TokenVolume) -> TokenCost:
    """The fleet's money is split by the time that prompts and outputs took, the API's by its own rates."""
    input_usd = fleet_usd * prefill_frac + (float(bill.input_usd.sum()) if bill else 0.0)
    total_usd = fleet_usd + (bill.total_usd if bill else 0.0)
    return token_cost(total_usd, volume, input_share_frac=input_usd / total_usd if total_usd > 0 else 0.5)


def _answered_output(requests: Requests, result: FleetResult) -> IntArray:
    return np.where(result.status == OVERFLOWED, requests.output_tokens, result.output_tokens)


def _volume(requests: Requests, result: FleetResult) -> TokenVolume:
    answered = is_served(result) | (result.status == OVERFLOWED)
    return TokenVolume(
        input_tokens=float(requests.input_tokens[answered].sum()),
        output_tokens=float(_answered_output(requests, result).sum()),
    )


def _classes(
    requests: Requests, result: FleetResult, time: GpuTime, fleet_usd: float | None, bill: ApiBill | None
) -> tuple[ClassCost, ...]:
    if requests.class_index is None:
        return ()
    which = requests.class_index
    classes = np.arange(int(which.max()) + 1)
    if classes.size > _MOST_DENSE:
        classes, which = np.unique(which, return_inverse=True)
    shares = work_frac(requests, result, time)
    api_usd = np.zeros(requests.num_requests)
    if bill is not None:
        api_usd[result.status == OVERFLOWED] = bill.input_usd + bill.output_usd
    answered = is_served(result) | (result.status == OVERFLOWED)
    columns = (
        np.ones(which.size),
        answered * requests.input_tokens,
        _answered_output(requests, result),
        shares,
        api_usd,
    )
    sums = [np.bincount(which, weights=column, minlength=classes.size) for column in columns]
    return tuple(
        ClassCost(
            class_index=int(one),
            num_requests=int(num),
            input_tokens=int(inputs),
            output_tokens=int(outputs),
            fleet_usd=None if fleet_usd is None else fleet_usd * float(share),
            api_usd=float(api),
        )
        for one, num, inputs, outputs, share, api in zip(classes, *sums)
        if num
    )


def work_frac(requests: Requests, result: FleetResult, time: GpuTime) -> FloatArray:
    """Share of the fleet's work that each request caused; sums to 1 where anything was served."""
    served = is_served(result)
    prompts = np.where(served, requests.input_tokens - result.cached_tokens, 0).astype(float)
    outputs = np.where(served, result.output_tokens, 0).astype(float)
    prefill_frac = time.prefill_s / time.busy_s if time.busy_s > 0 else 0.0
    total = np.zeros(served.size)
    for tokens, share in ((prompts, prefill_frac), (outputs, 1.0 - prefill_frac)):
        if tokens.sum() > 0:
            total += tokens / tokens.sum() * share
    return total
