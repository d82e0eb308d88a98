"""A quote that takes the user's own measurements into account: the one function behind command, library and page."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from tokonomics.catalog.load import Catalog
from tokonomics.economics.quoting import ask as plain
from tokonomics.economics.quoting.ask import Answer, facts_of
from tokonomics.economics.quoting.quote import Quote
from tokonomics.physics.evidence import Evidence
from tokonomics.workload.resolve import traffic_of
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.traffic import Traffic

if TYPE_CHECKING:
    from tokonomics.measure.own_points import UsualLengths

_ANY_RESPONSE_TIME_S = 1.0
"""Users wait for it, which changes how often they ask and not how long their requests are."""


def ask(
    scenario: Scenario, *, today: date | None = None, catalog: Catalog | None = None, traffic: Traffic | None = None
) -> Answer:
    """Answer `scenario`, its measured points included; otherwise as `economics.quoting.ask.ask`.

    Raises InputError where a point is absurd, or leaves open on what it was measured.
    """
    facts = catalog or facts_of(scenario)
    evidence = scenario_evidence(scenario, facts, traffic) if scenario.measured else ()
    return plain.ask(scenario, today=today, catalog=facts, traffic=traffic, evidence=evidence)


def quote_for(
    models: str | Sequence[str], traffic: Traffic | Mapping[str, Any], *, slo: str = "", **keys: Any
) -> Quote:
    """The library's form of `tok quote`: the frozen record that the command renders.

    Args: `models` one name or several; `traffic` a Traffic of your own making, or the keys of a scenario's traffic
    block; `slo` such as "ttft_p95=1s"; `keys` the other keys of a scenario (gpus, apis, precisions, measured, ...).
    Raises InputError with every violation, UnknownName, Infeasible and MissingFact as the command does.
    """
    names = [models] if isinstance(models, str) else list(models)
    own = traffic if isinstance(traffic, Traffic) else None
    stated = _stated(traffic) if isinstance(traffic, Traffic) else traffic
    scenario = Scenario.from_dict({"models": names, "traffic": stated, "slo": slo, **keys})
    return ask(scenario, traffic=own).quote


def scenario_evidence(scenario: Scenario, catalog: Catalog, traffic: Traffic | None = None) -> tuple[Evidence, ...]:
    """What the measured points of `scenario` say of the constants, by group; `traffic` stands over its block."""
    from tokonomics.measure.own_evidence import own_evidence  # the fit's machinery loads only for those who measured
    from tokonomics.measure.own_points import own_cases
    from tokonomics.physics.calibration import calibration

    return own_evidence(own_cases(scenario, catalog, lambda: _usual(scenario, traffic)), calibration())


def _usual(scenario: Scenario, traffic: Traffic | None) -> "UsualLengths":
    from tokonomics.measure.own_points import UsualLengths  # as above

    asked = traffic or traffic_of(
        scenario.traffic, response_time_s=_ANY_RESPONSE_TIME_S, cached_input_frac=scenario.cached_input_frac
    )
    return UsualLengths(
        input_tokens=asked.mean_input_tokens,
        cached_tokens=asked.mean_input_tokens * asked.cached_input_frac,
        output_tokens=asked.mean_output_tokens,
    )


def _stated(traffic: Traffic) -> dict[str, float]:
    """The traffic block that comes nearest to a Traffic, for checking the other keys beside it."""
    return {
        "requests_per_s": traffic.requests_per_s,
        "input_tokens": max(traffic.mean_input_tokens, 1.0),
        "output_tokens": traffic.mean_output_tokens,
    }
