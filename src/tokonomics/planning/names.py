"""Every name that a plan is asked with, looked up before anything else, so that all wrong ones are said at once."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

from tokonomics.catalog.load import Catalog
from tokonomics.economics.hardware.owned import PROVIDER
from tokonomics.errors import InputError, TokonomicsError, nearest_names
from tokonomics.physics.constants import check_engine
from tokonomics.physics.formats import kv_element_bytes, weight_format
from tokonomics.planning.hosted import is_endpoint
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import plan_defaults


def require_known_names(catalog: Catalog, scenario: Scenario, *, at: date) -> None:
    """Raise for the names of anything that nobody knows, and for what one key forbids and another asks for.

    Raises:    UnknownName or MissingFact where one name is wrong; InputError with all of them where several are.
    """
    wrong = [error for look_up in _look_ups(catalog, scenario, at) if (error := _error_of(look_up)) is not None]
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise InputError(*dict.fromkeys(words for error in wrong for words in error.violations))


def place_problems(catalog: Catalog, scenario: Scenario) -> list[str]:
    """Violations for the sellers and the regions of `scenario` that no offer names."""
    sellers = sorted({one.provider for one in catalog.offers})
    regions = sorted({one.region for one in catalog.offers if one.region})
    return [
        *_unknown("provider", [name for name in scenario.providers if name != PROVIDER], sellers),
        *_unknown("region", scenario.regions, regions),
    ]


def _look_ups(catalog: Catalog, scenario: Scenario, at: date) -> Iterator[Callable[[], object]]:
    for name in scenario.models:
        if not is_endpoint(catalog, name):
            yield partial(catalog.model, name)
    for name in scenario.apis:
        yield partial(catalog.api_price, name, at=at)
    for name in [*scenario.gpus, *(one.gpu for one in scenario.owned)]:
        yield partial(catalog.accelerator, name)
    for name in [scenario.engine, *(scenario.plan.engines if scenario.plan else ())]:
        yield partial(check_engine, name)
    for name in scenario.precisions:
        yield partial(weight_format, name)
    if scenario.kv_format:
        yield partial(kv_element_bytes, scenario.kv_format)
    for words in (*place_problems(catalog, scenario), *_contradictions(scenario)):
        yield partial(_refuse, words)


def _contradictions(scenario: Scenario) -> Iterator[str]:
    """What one key forbids and another asks for."""
    spec = scenario.plan or plan_defaults()
    if spec.no_spot and scenario.purchase == "spot":
        yield "plan.no_spot contradicts purchase=spot; keep one of them"
    if spec.no_api and scenario.apis:
        yield f"plan.no_api contradicts apis={', '.join(scenario.apis)[:120]}; keep one of them"


def _error_of(look_up: Callable[[], object]) -> TokonomicsError | None:
    try:
        look_up()
    except TokonomicsError as error:
        return error
    return None


def _refuse(words: str) -> None:
    raise InputError(words)


def _unknown(kind: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    return [
        f"unknown {kind}: {name!r}; nearest: {', '.join(nearest_names(name, known))}; known to the offers: {len(known)}"
        for name in names
        if name not in known
    ]
