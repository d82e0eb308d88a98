"""Small fleet problems, their optimum by enumeration, an independent check of a solution, and rules of thumb."""

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tokonomics.errors import Infeasible
from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, Way
from tokonomics.planning.solve import solve_fleet

MONTH_HOURS, HOUR_S = 730.0, 3600.0
PRICES = st.sampled_from([0.5, 1.0, 1.3, 2.0, 3.5])
RATES = st.sampled_from([0.0, 0.5, 1.0, 1.7, 4.0])
MODES = ("committed_usd_per_hour", "on_demand_usd_per_hour", "spot_usd_per_hour")


@st.composite
def choices(draw, name, num_classes, tiers=("t",), limited=True):
    sold = draw(st.lists(st.sampled_from(MODES), min_size=1, max_size=3, unique=True))
    return FleetChoice(
        name=name,
        tier=draw(st.sampled_from(tiers)),
        requests_per_s=np.array([draw(RATES) for _ in range(num_classes)]),
        replicas_per_bundle=draw(st.sampled_from([1, 1, 2, 3])),
        spot_availability_frac=draw(st.sampled_from([0.5, 0.8, 1.0])),
        max_replicas=draw(st.sampled_from([None, None, None, 2])) if limited else None,
        num_spare_replicas=draw(st.sampled_from([0, 0, 1])),
        **{mode: draw(PRICES) for mode in sold},
    )


@st.composite
def problems(draw, num_choices=2, num_buckets=2, num_classes=2, tiers=("t",), limited=True):
    """Problems that enumeration can solve: few choices, loads of a few replicas, an API that can carry all."""
    load = st.sampled_from([0.0, 0.4, 1.0, 1.6])
    demand = np.array([[draw(load) for _ in range(num_classes)] for _ in range(num_buckets)])
    share = draw(st.sampled_from([0.25, 0.5, 0.8]))
    hours = np.array([share, *[(1 - share) / max(num_buckets - 1, 1)] * (num_buckets - 1)]) * MONTH_HOURS
    api_usd = [draw(st.sampled_from([1e-4, 3e-4, 1e-3])) for _ in range(num_classes)]
    return FleetProblem(
        hours=hours,
        demand_requests_per_s=demand,
        choices=tuple(draw(choices(f"c{one}", num_classes, tiers, limited)) for one in range(num_choices)),
        apis=tuple(ApiChoice(name=f"api-{tier}", tier=tier, usd_per_request=np.array(api_usd)) for tier in tiers),
        ways=tuple(Way(name=tier, calls=((tier, 1.0),)) for tier in tiers),
        min_availability_frac=draw(st.sampled_from([None, 0.7, 0.9])),
        max_gap_frac=0.0,
    )


def least_usd(problem: FleetProblem) -> float:
    """The least cost of a problem of one tier with one API, by trying every number of bundles up to what can be of use.

    With the bundles given, calls go where they save the most API cost a replica: with several classes a small linear
    programme, here solved by trying its vertices.
    """
    most = [_most_bundles(problem, one) for one in problem.choices]
    bases = itertools.product(
        *(range(top + 1 if one.committed_usd_per_hour is not None else 1) for one, top in zip(problem.choices, most))
    )
    return min(
        sum(num * (one.committed_usd_per_hour or 0.0) * MONTH_HOURS for num, one in zip(base, problem.choices))
        + sum(_least_bucket_usd(problem, base, most, bucket) for bucket in range(len(problem.hours)))
        for base in bases
    )


def _most_bundles(problem, one):
    work = sum(d / r if r > 0 else 0.0 for d, r in zip(problem.demand_requests_per_s.max(axis=0), one.requests_per_s))
    up = one.spot_availability_frac if one.spot_usd_per_hour is not None else 1.0
    return int(np.ceil((work + one.num_spare_replicas) / (one.replicas_per_bundle * up) - 1e-9))


def _least_bucket_usd(problem, base, most, bucket):
    hours, demand = problem.hours[bucket], problem.demand_requests_per_s[bucket]
    options = [list(_bundles(problem, one, held, top)) for one, held, top in zip(problem.choices, base, most)]
    best = np.inf
    for picked in itertools.product(*options):
        usd = sum(rent for rent, _ in picked) * hours
        if usd < best:
            best = min(best, usd + _api_usd_per_s(problem, demand, [room for _, room in picked]) * hours * HOUR_S)
    return best


def _bundles(problem, one, held, top):
    """(rent an hour, replicas of work that fit) for each number on demand and on spot; the cheapest for its room."""
    cheapest = {}
    for rented, spot in itertools.product(range(top + 1), repeat=2):
        if (rented and one.on_demand_usd_per_hour is None) or (spot and one.spot_usd_per_hour is None):
            continue
        running = held + rented + spot
        up = held + rented + one.spot_availability_frac * spot
        if problem.min_availability_frac and spot and up < problem.min_availability_frac * running - 1e-12:
            continue
        if one.max_replicas is not None and running * one.replicas_per_bundle > one.max_replicas:
            continue
        room = round(max(0.0, up * one.replicas_per_bundle - one.num_spare_replicas), 9)
        rent = rented * (one.on_demand_usd_per_hour or 0.0) + spot * (one.spot_usd_per_hour or 0.0)
        cheapest[room] = min(rent, cheapest.get(room, np.inf))
    yield from ((rent, room) for room, rent in cheapest.items())


def _api_usd_per_s(problem, demand, rooms):
    """What the API still costs when two choices with these rooms take two classes at best: the vertices of the split."""
    price = np.asarray(problem.apis[0].usd_per_request)
    rates = [np.asarray(one.requests_per_s) for one in problem.choices]
    orders = itertools.product(itertools.permutations(range(len(demand))), repeat=len(rooms))
    best = np.inf
    for order in orders:
        for sequence in itertools.permutations(range(len(rooms))):
            left, best = demand.copy(), best
            for place in sequence:
                left = _filled(left, rates[place], rooms[place], order[place])
            best = min(best, float(left @ price))
    return best


def _filled(left, rate, room, order):
    left = left.copy()
    for one in order:
        if rate[one] > 0:
            taken = min(left[one], room * rate[one])
            left[one] -= taken
            room -= taken / rate[one]
    return left


def assert_feasible(problem: FleetProblem, solution) -> None:
    """Every promise of a solution, from the records alone."""
    ways, backends = solution.way_requests_per_s, solution.backend_requests_per_s
    np.testing.assert_allclose(ways.sum(axis=2), problem.demand_requests_per_s, atol=1e-5)
    listed = [*problem.choices, *problem.apis]
    for tier in {name for way in problem.ways for name, _ in way.calls}:
        wanted = sum(
            ways[:, :, place] * sum(n for t, n in way.calls if t == tier) for place, way in enumerate(problem.ways)
        )
        members = [place for place, one in enumerate(listed) if (one.tier or one.name) == tier]
        np.testing.assert_allclose(backends[:, :, members].sum(axis=2), wanted, atol=1e-5)
    usd = 0.0
    for place, one in enumerate(problem.choices):
        usd += _assert_choice(problem, solution, place, one)
    for place, api in enumerate(problem.apis):
        calls = backends[:, :, len(problem.choices) + place]
        assert (calls.sum(axis=1) <= (api.max_requests_per_s or np.inf) + 1e-5).all()
        price = np.where(np.isfinite(api.usd_per_request), api.usd_per_request, 0.0)
        assert calls[:, ~np.isfinite(api.usd_per_request)].sum() < 1e-6
        usd += float(problem.hours @ calls @ price * HOUR_S)
    assert solution.usd_per_month == np.float64(usd) or abs(solution.usd_per_month - usd) < 1e-6 * max(usd, 1)
    assert abs(sum(term.usd_per_month for term in solution.terms) - usd) < 1e-6 * max(usd, 1)
    assert 0 <= solution.bound_usd_per_month <= solution.usd_per_month
    assert 0 <= solution.gap_frac <= 1
    if problem.min_quality_frac is not None:
        by_way = (problem.hours[:, None, None] * ways).sum(axis=(0, 1))
        quality = sum(num * (way.quality_frac or 0.0) for num, way in zip(by_way, problem.ways)) / by_way.sum()
        assert quality >= problem.min_quality_frac - 1e-6


def _assert_choice(problem, solution, place, one):
    committed, rented, spot = (
        solution.num_committed[place],
        solution.num_on_demand[place],
        solution.num_spot[place],
    )
    calls, rate = solution.backend_requests_per_s[:, :, place], np.asarray(one.requests_per_s)
    assert (calls[:, rate == 0] < 1e-6).all()
    work = (calls[:, rate > 0] / rate[rate > 0]).sum(axis=1)
    running = committed + rented + spot
    up = (running - spot * (1 - one.spot_availability_frac)) * one.replicas_per_bundle
    spares = np.where(work > 1e-5, one.num_spare_replicas, 0)
    assert (work + spares <= up + 1e-5 * np.maximum(work, 1)).all()
    assert (running * one.replicas_per_bundle <= (one.max_replicas if one.max_replicas is not None else np.inf)).all()
    if problem.min_availability_frac:
        lost = spot * (1 - one.spot_availability_frac)
        assert (np.where(spot > 0, lost - (1 - problem.min_availability_frac) * running, 0.0) < 1e-6).all()
    for num, price in (
        (committed, one.committed_usd_per_hour),
        (rented, one.on_demand_usd_per_hour),
        (spot, one.spot_usd_per_hour),
    ):
        assert price is not None or not np.any(num)
    return committed * (one.committed_usd_per_hour or 0.0) * MONTH_HOURS + problem.hours @ (
        rented * (one.on_demand_usd_per_hour or 0.0) + spot * (one.spot_usd_per_hour or 0.0)
    )


def all_api_usd(problem: FleetProblem) -> float:
    """Every request to the cheapest API that can take it."""
    price = np.min([api.usd_per_request for api in problem.apis], axis=0)
    return float(problem.hours @ problem.demand_requests_per_s @ price * HOUR_S)


def one_type_at_peak_usd(problem: FleetProblem, one: FleetChoice) -> float:
    """One type only, as many replicas all month as the worst bucket takes, in its cheapest safe mode; inf: it cannot."""
    return _one_type_usd(problem, one, np.full(len(problem.hours), _work(problem, one).max()))


def one_type_by_bucket_usd(problem: FleetProblem, one: FleetChoice) -> float:
    """Mélange's baseline: one type only, as many replicas in each bucket as it takes."""
    return _one_type_usd(problem, one, _work(problem, one))


def largest_type_usd(problem: FleetProblem) -> float:
    """The type of the highest rates, at peak."""
    largest = max(problem.choices, key=lambda one: float(np.sum(one.requests_per_s)))
    return one_type_at_peak_usd(problem, largest)


def heuristics_usd(problem: FleetProblem) -> dict[str, float]:
    """Every rule of thumb; inf where it cannot serve the load."""
    rules = {"all API": all_api_usd(problem), "largest": largest_type_usd(problem)}
    for one in problem.choices:
        rules[f"{one.name} at peak"] = one_type_at_peak_usd(problem, one)
        rules[f"{one.name} by bucket"] = one_type_by_bucket_usd(problem, one)
    return rules


def _work(problem, one):
    rate, demand = np.asarray(one.requests_per_s), problem.demand_requests_per_s
    if (demand[:, rate == 0] > 0).any():
        return np.full(len(problem.hours), np.inf)
    return (demand[:, rate > 0] / rate[rate > 0]).sum(axis=1)


def _one_type_usd(problem, one, work):
    prices = [price for price in (one.on_demand_usd_per_hour,) if price is not None]
    if not np.isfinite(work).all() or not prices:
        return np.inf
    replicas = np.ceil(work - 1e-9) + one.num_spare_replicas * (work > 0)
    bundles = np.ceil(replicas / one.replicas_per_bundle)
    if one.max_replicas is not None and (bundles * one.replicas_per_bundle > one.max_replicas).any():
        return np.inf
    return float(problem.hours @ bundles * min(prices))


def is_feasible(problem: FleetProblem) -> bool:
    try:
        solve_fleet(replace(problem, max_gap_frac=0.5))
    except Infeasible:
        return False
    return True
