"""What a comparison or a check is about: a scenario, a plan, or a result document, as a file holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tokonomics.errors import InputError
from tokonomics.planning.outcome import Outcome
from tokonomics.planning.outcome_document import KINDS, Pick, outcome_before, outcome_of
from tokonomics.planning.outcome_plan import plan_outcome
from tokonomics.policy.plan import PLAN_SCHEMA
from tokonomics.policy.plan_file import read_plan
from tokonomics.workload.json_file import read_json_object
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_file import MAX_RESULT_BYTES, load_scenario, read_scenario_file

_FACTS: Final = ("tokonomics_version", "catalog_snapshot", "catalog_digest")


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One file: its name, its kind (scenario, or that of the document), what it asked and what it states.

    `outcome` is None for a scenario, which has to be asked. `before` is where a comparison started from. `facts` are
    the versions it rests on. `unasked` says why a document cannot be asked again, "" where it can.
    """

    name: str
    kind: str
    scenario: Scenario | None = None
    outcome: Outcome | None = None
    before: Outcome | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    unasked: str = ""


def read_subject(path: Path, *, pick: Pick = "best") -> Subject:
    """Read `path`: .json is a result (or a scenario), .yaml a plan or a scenario, .toml a scenario.

    Raises:    InputError with every violation, where it cannot be read or is none of these.
    """
    if path.suffix.lower() == ".json":
        document = read_document(path)
        if "schema" in document:
            return subject_of(document, name=str(path), pick=pick)
    elif path.suffix.lower() in (".yaml", ".yml") and read_scenario_file(path).raw.get("schema") == PLAN_SCHEMA:
        return _plan_subject(path)
    return Subject(name=str(path), kind="scenario", scenario=load_scenario(path))


def subject_of(document: Mapping[str, Any], *, name: str, pick: Pick = "best") -> Subject:
    """The subject that a result document is. Raises InputError for a kind without figures, and for wrong cells."""
    outcome = outcome_of(document, where=name, pick=pick)
    scenario, unasked = _scenario(document.get("scenario"))
    return Subject(
        name=name,
        kind=str(document["kind"]),
        scenario=scenario,
        outcome=outcome,
        before=outcome_before(document, where=name),
        facts={key: value[:100] for key in _FACTS if isinstance(value := document.get(key), str)},
        unasked=unasked,
    )


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, bounded in size, without NaN. Raises InputError where there is none."""
    advice = f"write one of {', '.join(KINDS)} with `tok ... -o {path}`"
    return read_json_object(path, most_bytes=MAX_RESULT_BYTES, advice=advice)


def _plan_subject(path: Path) -> Subject:
    plan = read_plan(path)
    scenario, unasked = _scenario(plan.scenario)
    facts = {
        "tokonomics_version": plan.tokonomics_version,
        "catalog_snapshot": plan.catalogue_snapshot,
        "catalog_digest": plan.catalogue_digest,
    }
    return Subject(
        name=str(path), kind="plan", scenario=scenario, outcome=plan_outcome(plan), facts=facts, unasked=unasked
    )


def _scenario(raw: object) -> tuple[Scenario | None, str]:
    """The scenario that a document echoes, or why there is none to ask again."""
    if not isinstance(raw, Mapping) or not raw:
        return None, "it carries no scenario"
    try:
        return Scenario.from_dict(raw), ""
    except InputError as error:
        return None, f"this version does not read its scenario: {error.violations[0]}"
