"""From a scenario to its answer: the one function behind the command, the library and the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from tokonomics.catalog.load import Catalog, load_catalog
from tokonomics.economics.figures.explanation import Explanation
from tokonomics.economics.hardware.owned import owned_offers
from tokonomics.economics.quoting.candidates import Search
from tokonomics.economics.quoting.quote import Choice, Quote, quote, require_priced
from tokonomics.errors import InputError, MissingFact
from tokonomics.physics.evidence import Evidence
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.traffic import Traffic

_FIRST_RESPONSE_TIME_S = 10.0
"""Where the search for the response time of waiting users starts; the second pass replaces it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A quote and the scenario that it answers; `today` is the date whose prices hold."""

    scenario: Scenario
    quote: Quote
    today: date

    def to_dict(self, explanations: Sequence[Explanation] = ()) -> dict[str, Any]:
        """The body of the result document; asking its scenario again gives the same answer."""
        asked = self.scenario.model_copy(update={"today": self.today, "snapshot": self.quote.snapshot})
        body: dict[str, Any] = {"scenario": asked.to_dict(), **self.quote.to_dict()}
        if explanations:
            body["explanations"] = [one.to_dict() for one in explanations]
        return body


def ask(
    scenario: Scenario,
    *,
    today: date | None = None,
    catalog: Catalog | None = None,
    traffic: Traffic | None = None,
    evidence: Sequence[Evidence] = (),
) -> Answer:
    """Answer `scenario` with the prices of its own date, else of `today`, else of the day of the snapshot.

    Users who wait for an answer ask the slower the longer they wait, so their traffic is priced twice: with a guess,
    then with the response time of the best option of the first pass. `traffic` stands over the block of the scenario;
    `evidence` is what its measured points say, which `measure.ask` works out.
    """
    if scenario.measured and not evidence:
        raise InputError("measured points are only read by tok quote and tokonomics.quote; leave them out here")
    facts = catalog or facts_of(scenario)
    day = scenario.today or today or facts.day
    asked = traffic or _traffic(scenario, _FIRST_RESPONSE_TIME_S)
    answer = _quoted(scenario, facts, day, asked, evidence)
    if scenario.traffic.users is not None:
        host = answer.best_self_host
        waited_s = host.latency_s["e2e_mean"] if host else _FIRST_RESPONSE_TIME_S
        answer = _quoted(scenario, facts, day, _traffic(scenario, waited_s), evidence)
    return Answer(scenario=scenario, quote=answer, today=day)


def facts_of(scenario: Scenario) -> Catalog:
    """The catalogue that `scenario` is priced with, the user's own prices in it."""
    overrides = Path(scenario.price_overrides) if scenario.price_overrides else None
    return load_catalog(snapshot=scenario.snapshot, overrides=overrides)


def _traffic(scenario: Scenario, response_time_s: float) -> Traffic:
    return traffic_of(scenario.traffic, response_time_s=response_time_s, cached_input_frac=scenario.cached_input_frac)


def _quoted(scenario: Scenario, catalog: Catalog, day: date, traffic: Traffic, evidence: Sequence[Evidence]) -> Quote:
    return quote(
        catalog,
        scenario.models,
        traffic,
        slo=parse_slo(scenario.slo) if scenario.slo else Slo(limits=()),
        today=day,
        choice=Choice(
            gpus=scenario.gpus,
            providers=scenario.providers,
            regions=scenario.regions,
            apis=scenario.apis,
            purchase=scenario.purchase,
            num_spare_replicas=scenario.num_spare_replicas,
            owned=owned_offers(catalog, scenario.owned, today=day),
        ),
        search=_search(scenario, evidence),
    )


def _search(scenario: Scenario, evidence: Sequence[Evidence]) -> Search:
    search = Search(
        precisions=scenario.precisions,
        kv_format=scenario.kv_format,
        engine=scenario.engine,
        evidence=tuple(evidence),
    )
    return replace(search, gpus_per_replica=scenario.num_gpus) if scenario.num_gpus else search


def check_strict(answer: Answer) -> None:
    """Raise MissingFact for every option that is unpriced, or whose price is stale or undated: `--strict`."""
    require_priced(answer.quote)
    best = answer.quote.best
    if best.freshness in ("stale", "unknown"):
        raise MissingFact(
            f"the price of {best.name} is {best.freshness}: as of {best.price.as_of or 'unknown date'};"
            f" run `tok catalog update`, or give yours with --price-overrides"
        )
