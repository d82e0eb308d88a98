"""Where a number of a plan comes from: its formula, its terms with units, and the dated source of each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.errors import InputError, UnknownName
from tokonomics.planning.ask import Planned
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.draft import Call, Purchase
from tokonomics.planning.race import FamilyPlan
from tokonomics.units import HOURS_PER_MONTH

_Made = tuple[float, str, str, tuple[Term, ...]]
_Maker = Callable[[Planned, FamilyPlan], _Made | None]


def explained(planned: Planned, one: FamilyPlan, number: str) -> tuple[Explanation, ...]:
    """The explanation of `number` of a family; of `all`, every one that it has.

    Raises: UnknownName for another number, InputError where the family does not have it.
    """
    if number != "all" and number not in EXPLAINED:
        raise UnknownName("number", number, list(EXPLAINED))
    made = [(name, EXPLAINED[name](planned, one)) for name in (EXPLAINED if number == "all" else (number,))]
    found = tuple(_explanation(name, one, parts) for name, parts in made if parts is not None)
    if not found:
        raise InputError(f"{one.draft.family.title} has no {number}; name another family with --family")
    return found


def _explanation(name: str, one: FamilyPlan, parts: _Made) -> Explanation:
    value, unit, formula, terms = parts
    return Explanation(number=name, option=one.draft.family.title, value=value, unit=unit, formula=formula, terms=terms)


def _month(planned: Planned, one: FamilyPlan) -> _Made:
    terms = [
        *(term for bought in one.draft.purchases for term in _bought_terms(one, bought)),
        *(term for call in one.draft.calls for term in _call_terms(planned, one, call)),
    ]
    formula = "sum of bundles x USD a bundle-hour x hours, and of requests x calls x USD a call"
    return one.draft.usd_per_month, "USD a month", formula, tuple(terms)


def _bought_terms(one: FamilyPlan, bought: Purchase) -> Iterator[Term]:
    item = bought.item
    hours = bought.paid_bundle_hours(one.draft.buckets) / float(bought.num_bundles.max())
    offer = item.sale.offer
    source = f"{offer.source}, as of {offer.as_of or 'unknown date'}"
    yield Term(f"bundles of {item.name}", int(bought.num_bundles.max()), "bundles", "modelled", "optimiser and replay")
    status = "assumed" if item.sale.is_owned else "list"
    yield Term("price of a bundle", item.bundle_usd_per_hour, "USD/h", status, source)
    convention = "convention: 8,760 / 12" if abs(hours - HOURS_PER_MONTH) < 1e-6 else "hours in which each runs"
    yield Term("hours", hours, "hours a month", "assumed", convention)


def _call_terms(planned: Planned, one: FamilyPlan, call: Call) -> Iterator[Term]:
    price, traffic = call.hosted.price, planned.asked.demand.traffic
    source = f"{price.source}, as of {price.as_of or 'unknown date'}"
    yield Term("requests", one.draft.requests_per_month, "requests a month", "measured", f"traffic {traffic.name}")
    how = "replay" if one.proven else "all requests"
    yield Term(f"calls of {call.hosted.name}", call.calls_ratio, "calls a request, by cost", "modelled", how)
    yield Term("input price", call.hosted.input_usd_per_mtok, "USD per M tokens", "list", source)
    yield Term("output price", call.hosted.output_usd_per_mtok, "USD per M tokens", "list", source)
    yield Term("call", call.hosted.usd_per_request, "USD a call", "list", "prices x mean lengths of the traffic")


def _allocation(planned: Planned, one: FamilyPlan) -> _Made:
    cost, month = plan_cost(one.draft, planned.asked.demand), planned.asked.demand.month
    terms = (
        Term("month", cost.usd_per_month, "USD a month", "modelled", "usd_per_month"),
        Term(
            "tokens", month.total_tokens, "tokens a month", "measured", f"traffic {planned.asked.demand.traffic.name}"
        ),
    )
    return cost.allocation_usd_per_mtok, "USD per M tokens", "month / tokens x 1e6", terms


def _usage(planned: Planned, one: FamilyPlan) -> _Made:
    cost, month = plan_cost(one.draft, planned.asked.demand), planned.asked.demand.month
    terms = (
        Term("machines", one.draft.fleet_usd_per_month, "USD a month", "modelled", "usd_per_month"),
        Term("used", cost.utilisation_frac, "share", "modelled", "own requests/s over capacity within the SLO"),
        Term("endpoints", one.draft.api_usd_per_month, "USD a month", "modelled", "usd_per_month"),
        Term(
            "tokens", month.total_tokens, "tokens a month", "measured", f"traffic {planned.asked.demand.traffic.name}"
        ),
    )
    formula = "(machines x used + endpoints) / tokens x 1e6"
    return cost.usage_usd_per_mtok, "USD per M tokens", formula, terms


def _gpus(planned: Planned, one: FamilyPlan) -> _Made | None:
    if not one.draft.purchases:
        return None
    peak = planned.asked.demand.peak_requests_per_s
    terms = [Term("peak", peak, "requests/s", "measured", f"traffic {planned.asked.demand.traffic.name}")]
    for bought in one.draft.purchases:
        model = f"{bought.item.deployment.constants.engine} constants; docs/model-cards/latency.md"
        terms.append(Term("a replica carries", bought.item.requests_per_s, "requests/s", "modelled", model))
        terms.append(Term("replicas", bought.most_replicas, "replicas", "modelled", "optimiser and replay"))
        terms.append(
            Term(
                "replicas of a bundle", bought.item.replicas_per_bundle, "replicas", "list", "GPUs of a box and replica"
            )
        )
        terms.append(
            Term("GPUs of a bundle", bought.item.gpus_per_bundle, "GPUs", "list", bought.item.sale.offer.source)
        )
    return (
        float(one.draft.num_gpus),
        "GPUs",
        "sum of replicas / replicas of a bundle, rounded up, x GPUs of a bundle; the replay adds or takes replicas",
        tuple(terms),
    )


def _latency(metric: str) -> _Maker:
    def make(planned: Planned, one: FamilyPlan) -> _Made | None:
        spread = getattr(one.proven.proof.summary, metric) if one.proven else None
        if spread is None:
            return None
        window = planned.asked.traffic
        terms = (
            Term("requests", window.requests.num_requests, "requests", "measured", window.window),
            Term("seed", planned.asked.simulation.seed, "", "assumed", "--seed"),
        )
        return spread.p95_s, "s", f"95th percentile of {metric} over the requests of the replay", terms

    return make


def _slo(planned: Planned, one: FamilyPlan) -> _Made | None:
    odds = planned.odds_of(one)
    found = next((each for each in planned.contenders if each.name == one.name), None)
    if odds.slo_probability is None or found is None or found.endurance is None:
        return None
    terms = (
        Term(
            "slowest", found.endurance.most_slower_ratio, "times the modelled step", "modelled", "replays, by bisection"
        ),
        Term("spread", found.rate_sd_log, "log", "modelled", "calibration; docs/accuracy.md"),
    )
    return odds.slo_probability, "chance", "normal distribution of log(slowest) / spread", terms


def _cheapest(planned: Planned, one: FamilyPlan) -> _Made:
    num = planned.asked.spec.num_draws
    terms = (
        Term("draws", num, "draws", "modelled", "the same for every family; docs/howto/plan.md"),
        *(
            Term(name, values.std(), "standard deviation", "assumed", "drawn")
            for name, values in planned.chances.inputs.items()
        ),
    )
    return planned.odds_of(one).cheapest_probability, "chance", "draws in which it is cheapest / draws", terms


EXPLAINED: Final[Mapping[str, _Maker]] = {
    "usd_per_month": _month,
    "usd_per_mtok.blended.allocation": _allocation,
    "usd_per_mtok.blended.usage": _usage,
    "num_gpus": _gpus,
    "ttft_p95_s": _latency("ttft"),
    "itl_p95_s": _latency("itl"),
    "slo_probability": _slo,
    "cheapest_probability": _cheapest,
}
"""Numbers of a family that can be explained, and who does it."""
