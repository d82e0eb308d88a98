"""Plans as files: YAML of a stranger in, with every violation at once and where it stands; the same bytes out again."""

import io
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tokonomics.errors import InputError
from tokonomics.files import bounded_text
from tokonomics.policy._mapping import from_plain, to_plain
from tokonomics.policy.plan import Plan
from tokonomics.workload.scenario_errors import Path as KeyPath
from tokonomics.workload.scenario_errors import Places
from tokonomics.workload.scenario_yaml import read_yaml

MAX_PLAN_BYTES: Final = 1024 * 1024
_WHERE: Final = "plan"
_KEY_PATH: Final = re.compile(r"plan(?P<rest>(?:\.\w+|\[\d+\])*)")
_KEY: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


def plan_to_mapping(plan: Plan) -> dict[str, Any]:
    """Plain mappings, lists, texts, numbers and one date, in the order of the records; what is None is left out."""
    mapping: dict[str, Any] = to_plain(plan)
    return {"schema": mapping.pop("schema"), **mapping, "planned_on": plan.planned_on.isoformat()}


def plan_from_mapping(mapping: Mapping[str, Any], *, places: Places | None = None) -> Plan:
    """The plan in `mapping`; `places` says where each key stood, for the messages.

    Raises:    InputError with every violation at once.
    """
    try:
        return from_plain(Plan, _with_date(mapping), _WHERE)
    except InputError as error:
        raise InputError(*(_placed(one, places or Places()) for one in error.violations)) from None


def read_plan(path: Path) -> Plan:
    """The plan in the YAML file `path`.

    Raises:    InputError where it cannot be read, is larger than 1 MiB, or holds no plan; with line and column.
    """
    text = bounded_text(path, most_bytes=MAX_PLAN_BYTES, advice="a plan is some pages, check the path")
    return parse_plan(text, str(path))


def parse_plan(text: str, name: str) -> Plan:
    """The plan in YAML `text`, which messages call `name`. Raises InputError with every violation at once."""
    raw, places = read_yaml(text, name)
    if not isinstance(raw, dict):
        raise InputError(f"{name} holds no keys; write a plan with `tok plan -o {name}`")
    return plan_from_mapping(raw, places=places)


def plan_text(plan: Plan) -> str:
    """`plan` as YAML: equal plans, equal bytes."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the order of the records is read best
    yaml.width = 120
    out = io.StringIO()
    yaml.dump(plan_to_mapping(plan), out)
    return out.getvalue()


def _with_date(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """A date is text in JSON and in quotes; what is none is left for the record to judge."""
    given = mapping.get("planned_on") if isinstance(mapping, Mapping) else None
    if not isinstance(given, str):
        return mapping
    try:
        return {**mapping, "planned_on": date.fromisoformat(given)}
    except ValueError:
        return mapping


def _placed(sentence: str, places: Places) -> str:
    found = _KEY_PATH.match(sentence)
    keys: KeyPath = ()
    if found:
        keys = tuple(name or int(number) for name, number in _KEY.findall(found["rest"]))
    return f"{places.of(keys)}{sentence}"
