"""The fleet as a mixed-integer programme: what is bought is whole bundles, what is sent where are shares of the demand.

Columns: bundles (committed; on demand and on spot by bucket), sent = calls of each backend per request of a bucket and
class, routed = share of a bucket's class by each way, running = 1 where a choice with spares does any work.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tokonomics.planning.fleet_arrays import FleetArrays, Mask
from tokonomics.planning.fleet_problem import Floats
from tokonomics.planning.linear_model import Array, Indices, LinearModel, ModelBuilder
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

_SLACK_SCALE = 1e-9
Whole = Literal["all", "committed", "none"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetModel:
    """The programme, and where its figures lie; -1 where a column or row does not exist.

    committed (K,); on_demand, spot (K, B); sent (B, C, K + A); routed (B, C, W). balance: (B, C, T) rows, calls sent
    less calls routed; quality: its row; slack: columns of an elastic model, one a limit (the most replicas of each
    choice, the quota of each API, the accelerators of each shared limit, quality).
    """

    model: LinearModel
    committed: Indices
    on_demand: Indices
    spot: Indices
    sent: Indices
    routed: Indices
    balance: Indices
    quality: int
    slack: Indices


def needed_replicas(fleet: FleetArrays) -> Floats:
    """(K, B) replicas that would carry every call a bucket can make of a choice's tier, spares included."""
    load = replica_load(fleet)
    most_calls = fleet.calls.max(axis=0, initial=0.0)
    per_tier = np.append(most_calls, 0.0)[fleet.choice_tier]
    need: Floats = load.sum(axis=1) * per_tier[:, None]
    return need + fleet.num_spares[:, None] * (need > 0)


def can_serve(fleet: FleetArrays) -> Mask:
    """(C, W) whether every tier that a way calls has a backend for the class."""
    num_tiers, num_classes = fleet.calls.shape[1], fleet.demand_requests_per_s.shape[1]
    serves = np.zeros((num_tiers + 1, num_classes), dtype=bool)
    sold = np.isfinite(_cheapest_usd_per_hour(fleet))[:, None]
    np.logical_or.at(serves, fleet.choice_tier, (fleet.replica_requests_per_s > 0) & sold)
    np.logical_or.at(serves, fleet.api_tier, np.isfinite(fleet.api_usd_per_request))
    able: Mask = ((fleet.calls[:, :, None] == 0) | serves[None, :num_tiers]).all(axis=1).T
    return able


def fleet_model(
    fleet: FleetArrays,
    *,
    is_elastic: bool = False,
    quality_usd_per_request: float | None = None,
    on_demand_usd: Floats | None = None,
    whole: Whole = "all",
) -> FleetModel:
    """The programme of `fleet`.

    is_elastic: every limit can be exceeded, and the sum of relative excesses is what is minimised.
    quality_usd_per_request: in place of the limit, what a request of quality 1 above the least is worth.
    on_demand_usd: (K, B) of a bundle for the whole of a bucket, in place of its price by the hour.
    whole: which bundles cannot be divided: `all`, `committed` ones only, or `none`, the relaxation.
    """
    return _Builder(fleet, is_elastic, quality_usd_per_request, on_demand_usd, whole).build()


class _Builder:
    """One block of columns or rows a method."""

    def __init__(
        self,
        fleet: FleetArrays,
        is_elastic: bool,
        quality_usd_per_request: float | None,
        on_demand_usd: Floats | None,
        whole: Whole,
    ) -> None:
        self.fleet, self.is_elastic, self.whole = fleet, is_elastic, whole
        self.quality_usd_per_request = quality_usd_per_request
        self.on_demand_usd = (
            usd_by_bucket(fleet.on_demand_usd_per_hour, fleet.hours) if on_demand_usd is None else on_demand_usd
        )
        self.out = ModelBuilder()
        self.load = replica_load(fleet)
        self.need = needed_replicas(fleet)
        self.most = np.ceil(self.need / fleet.num_per_bundle[:, None] - 1e-9)
        self.requests = fleet.hours[:, None] * fleet.demand_requests_per_s * SECONDS_PER_HOUR

    def build(self) -> FleetModel:
        committed, on_demand, spot = self._bundles()
        sent, routed = self._sent(), self._routed()
        slack = self._slack()
        balance = self._serve_all(sent, routed)
        self._capacity(committed, on_demand, spot, sent)
        self._most_replicas(committed, on_demand, spot, slack)
        self._most_gpus(committed, on_demand, spot, slack)
        self._availability(committed, on_demand, spot)
        self._quotas(sent, slack)
        return FleetModel(
            committed=committed,
            on_demand=on_demand,
            spot=spot,
            sent=sent,
            routed=routed,
            balance=balance,
            quality=self._quality(routed, slack),
            slack=slack,
            model=self.out.build(),
        )

    def _add(self, cost: Array, exists: Mask, *, upper: Array | float = np.inf, is_whole: bool = False) -> Indices:
        """Columns where they exist, and -1 elsewhere; cost is 0 in an elastic model."""
        columns = np.full(cost.shape, -1)
        costs = np.zeros(int(exists.sum())) if self.is_elastic else cost[exists]
        bounds = np.broadcast_to(upper, cost.shape)[exists]
        columns[exists] = self.out.add_columns(costs, upper=bounds, integer=is_whole)
        return columns

    def _bundles(self) -> tuple[Indices, Indices, Indices]:
        fleet = self.fleet
        committed_usd = fleet.committed_usd_per_hour * HOURS_PER_MONTH
        committed = self._add(
            committed_usd, np.isfinite(committed_usd), upper=self.most.max(axis=1), is_whole=self.whole != "none"
        )
        spot_usd = usd_by_bucket(fleet.spot_usd_per_hour, fleet.hours)
        return committed, self._by_bucket(self.on_demand_usd, self.most), self._by_bucket(spot_usd, self._most_spot())

    def _by_bucket(self, usd: Floats, most: Array) -> Indices:
        exists = np.isfinite(usd) & (most > 0)
        return self._add(usd, exists, upper=most, is_whole=self.whole == "all")

    def _most_spot(self) -> Array:
        available = self.fleet.spot_availability_frac * self.fleet.num_per_bundle
        return np.ceil(
            np.divide(self.need, available[:, None], where=available[:, None] > 0, out=np.zeros_like(self.need)) - 1e-9
        )

    def _sent(self) -> Indices:
        fleet = self.fleet
        is_asked = fleet.demand_requests_per_s[:, :, None] > 0
        sold = np.isfinite(_cheapest_usd_per_hour(fleet)) & (fleet.choice_tier >= 0)
        choice = (fleet.replica_requests_per_s.T > 0) & sold
        api = np.isfinite(fleet.api_usd_per_request.T) & (fleet.api_tier >= 0)
        price = np.where(api, fleet.api_usd_per_request.T, 0.0)
        costs = np.concatenate(
            [np.zeros((*self.requests.shape, fleet.num_choices)), self.requests[:, :, None] * price], axis=2
        )
        return self._add(costs, is_asked & np.concatenate([choice, api], axis=1))

    def _routed(self) -> Indices:
        fleet = self.fleet
        exists = can_serve(fleet) & (fleet.demand_requests_per_s[:, :, None] > 0)
        cost = np.zeros(exists.shape)
        if self.quality_usd_per_request is not None and fleet.min_quality_frac is not None:
            cost = -self.quality_usd_per_request * self.requests.sum() * self._quality_weight()
        return self._add(cost, exists, upper=1.0)

    def _quality_weight(self) -> Array:
        """(B, C, W) what a share of a bucket's class adds to the month's mean quality above the least."""
        weight = self.requests / max(self.requests.sum(), 1e-300)
        gain: Array = weight[:, :, None] * (self.fleet.quality_frac - (self.fleet.min_quality_frac or 0.0))
        return gain

    def _slack(self) -> Indices:
        count = self.fleet.num_choices + self.fleet.api_tier.size + self.fleet.most_gpus.size + 1
        return self.out.add_columns(np.ones(count)) if self.is_elastic else np.full(count, -1)

    def _serve_all(self, sent: Indices, routed: Indices) -> Indices:
        fleet, asked = self.fleet, np.argwhere(self.fleet.demand_requests_per_s > 0)
        rows = np.full(fleet.demand_requests_per_s.shape, -1)
        rows[tuple(asked.T)] = self.out.add_rows((len(asked),), lower=1.0, upper=1.0)
        _enter(self.out, rows[:, :, None], routed, 1.0)
        tiers = np.full((*rows.shape, fleet.calls.shape[1] + 1), -1)
        used = (rows[:, :, None] >= 0) & (np.append(fleet.calls.max(axis=0, initial=0.0), 0.0) > 0)
        tiers[used] = self.out.add_rows((int(used.sum()),), lower=0.0, upper=0.0)
        backend_tier = np.concatenate([fleet.choice_tier, fleet.api_tier])
        _enter(self.out, tiers[:, :, backend_tier], sent, 1.0)
        _enter(self.out, tiers[:, :, None, :-1], routed[:, :, :, None], -fleet.calls)
        return tiers[:, :, :-1]

    def _capacity(self, committed: Indices, on_demand: Indices, spot: Indices, sent: Indices) -> None:
        fleet = self.fleet
        exists = self.need > 0
        rows = np.full(self.need.shape, -1)
        rows[exists] = self.out.add_rows((int(exists.sum()),), upper=0.0)
        work = sent[:, :, : fleet.num_choices].transpose(2, 1, 0)
        per_bundle = fleet.num_per_bundle[:, None]
        available = fleet.spot_availability_frac[:, None]
        _enter(self.out, rows[:, None], work, self.load)
        _enter(self.out, rows, committed[:, None], -np.minimum(per_bundle, self.need))
        _enter(self.out, rows, on_demand, -np.minimum(per_bundle, self.need))
        _enter(self.out, rows, spot, -np.minimum(per_bundle * available, self.need))
        self._spares(rows, work)
        self._any_work(committed, on_demand, spot, work)

    def _any_work(self, committed: Indices, on_demand: Indices, spot: Indices, work: Indices) -> None:
        """A share of a class takes at least that share of a bundle, where one bundle carries the class whole.

        Implied by whole bundles, but not by divided ones: without it the relaxation is far from the truth.
        """
        fleet = self.fleet
        load = self.load * self._calls_of_choice()[:, None, None]
        held = fleet.num_per_bundle[:, None, None].astype(float)
        rows = np.full(work.shape, -1)
        exists = (work >= 0) & (load < held)
        rows[exists] = self.out.add_rows((int(exists.sum()),), upper=0.0)
        whole = np.where(load > 0, load, 1.0)
        _enter(self.out, rows, work, self.load / whole)
        _enter(self.out, rows, committed[:, None, None], -1.0)
        _enter(self.out, rows, on_demand[:, None], -1.0)
        _enter(
            self.out, rows, spot[:, None], -np.minimum(1.0, held * fleet.spot_availability_frac[:, None, None] / whole)
        )

    def _calls_of_choice(self) -> Floats:
        """(K,) most calls that a request makes of the tier of each choice."""
        return np.append(self.fleet.calls.max(axis=0, initial=0.0), 0.0)[self.fleet.choice_tier]

    def _spares(self, capacity: Indices, work: Indices) -> None:
        exists = (self.fleet.num_spares[:, None] > 0) & (self.need > 0)
        running = self._add(np.zeros(self.need.shape), exists, upper=1.0, is_whole=self.whole == "all")
        rows = np.full(self.need.shape, -1)
        rows[exists] = self.out.add_rows((int(exists.sum()),), upper=0.0)
        spares = self.fleet.num_spares[:, None]
        _enter(self.out, capacity, running, spares)
        _enter(self.out, rows[:, None], work, self.load)
        _enter(self.out, rows, running, -(self.need - spares))

    def _most_replicas(self, committed: Indices, on_demand: Indices, spot: Indices, slack: Indices) -> None:
        fleet = self.fleet
        exists = np.isfinite(fleet.num_most_replicas)[:, None] & (self.need > 0)
        most = np.broadcast_to(fleet.num_most_replicas[:, None], self.need.shape)
        rows = np.full(self.need.shape, -1)
        rows[exists] = self.out.add_rows((int(exists.sum()),), upper=most[exists])
        for columns in (committed[:, None], on_demand, spot):
            _enter(self.out, rows, columns, fleet.num_per_bundle[:, None])
        _enter(self.out, rows, slack[: fleet.num_choices, None], -np.where(exists, np.maximum(most, 1.0), 0.0))

    def _most_gpus(self, committed: Indices, on_demand: Indices, spot: Indices, slack: Indices) -> None:
        fleet = self.fleet
        rows = self.out.add_rows((fleet.most_gpus.size, fleet.hours.size), upper=fleet.most_gpus[:, None])
        counted = fleet.bundle_gpus[:, :, None]
        for columns in (committed[:, None], on_demand, spot):
            _enter(self.out, rows[:, None], columns, counted)
        first = fleet.num_choices + fleet.api_tier.size
        _enter(self.out, rows, slack[first:-1, None], -np.maximum(fleet.most_gpus, 1.0)[:, None])

    def _availability(self, committed: Indices, on_demand: Indices, spot: Indices) -> None:
        least, available = self.fleet.min_availability_frac, self.fleet.spot_availability_frac
        exists = (spot >= 0) & (available < least)[:, None]
        rows = np.full(spot.shape, -1)
        rows[exists] = self.out.add_rows((int(exists.sum()),), lower=0.0)
        _enter(self.out, rows, spot, (available - least)[:, None])
        for columns in (committed[:, None], on_demand):
            _enter(self.out, rows, columns, 1.0 - least)

    def _quotas(self, sent: Indices, slack: Indices) -> None:
        fleet, quota = self.fleet, self.fleet.quota_requests_per_s
        exists = np.isfinite(quota)[:, None] & np.ones(fleet.hours.size, dtype=bool)
        rows = np.full(exists.shape, -1)
        scale = np.where(np.isfinite(quota), np.maximum(quota, _SLACK_SCALE), 1.0)[:, None]
        limit = np.broadcast_to(np.where(np.isfinite(quota), quota, 0.0)[:, None] / scale, exists.shape)
        rows[exists] = self.out.add_rows((int(exists.sum()),), upper=limit[exists])
        work = sent[:, :, fleet.num_choices :].transpose(2, 1, 0)
        _enter(self.out, rows[:, None], work, fleet.demand_requests_per_s.T / scale[:, None])
        _enter(self.out, rows, slack[fleet.num_choices : fleet.num_choices + quota.size, None], -1.0)

    def _quality(self, routed: Indices, slack: Indices) -> int:
        if self.fleet.min_quality_frac is None or self.quality_usd_per_request is not None:
            return -1
        row = self.out.add_rows((1,), lower=0.0)
        _enter(self.out, row, routed, self._quality_weight())
        _enter(self.out, row, slack[-1], 1.0)
        return int(row[0])


def _enter(out: ModelBuilder, rows: Array, columns: Array, values: Array | float) -> None:
    """Coefficients where both row and column exist."""
    cells = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=float))
    exists = (cells[0] >= 0) & (cells[1] >= 0)
    out.add_entries(*(cell[exists] for cell in cells))


def usd_by_bucket(usd_per_hour: Floats, hours: Floats) -> Floats:
    """(K, B) of a bundle in a bucket; inf where it is not sold, even for no hours."""
    is_sold = np.isfinite(usd_per_hour)
    usd: Floats = np.where(is_sold[:, None], np.where(is_sold, usd_per_hour, 0.0)[:, None] * hours, np.inf)
    return usd


def replica_load(fleet: FleetArrays) -> Floats:
    """(K, C, B) replicas that all requests of a class would take, one call each; 0 where a choice cannot serve it."""
    rate = fleet.replica_requests_per_s[:, :, None]
    shape = np.broadcast_shapes(rate.shape, (1, *fleet.demand_requests_per_s.T.shape))
    load: Floats = np.divide(fleet.demand_requests_per_s.T, rate, out=np.zeros(shape), where=rate > 0)
    return load


def _cheapest_usd_per_hour(fleet: FleetArrays) -> Floats:
    modes = (fleet.committed_usd_per_hour, fleet.on_demand_usd_per_hour, fleet.spot_usd_per_hour)
    cheapest: Floats = np.minimum.reduce(modes)
    return cheapest
