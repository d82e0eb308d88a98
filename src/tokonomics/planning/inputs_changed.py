"""Which inputs two scenarios differ in, key by key, and a scenario with some of its keys switched over."""

from collections.abc import Mapping, Sequence
from typing import Any

from tokonomics.errors import UnknownName
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import plan_defaults
from tokonomics.workload.scenario_simulation import DEFAULT_SIMULATION

Inputs = Mapping[str, Any]
"""Every key of a scenario by its path, such as `traffic.requests_per_s`, with its plain value; None: not given."""


def inputs_of(scenario: Scenario) -> Inputs:
    """All keys with plain values, blocks unfolded, in the order of the record; a block at its defaults is no change.

    >>> inputs_of(Scenario.from_dict({"models": ["a"], "traffic": {"preset": "chat", "users": 2, "think_time_s": 9}}))[
    ...     "traffic.users"]
    2
    """
    plain = scenario.model_dump(mode="json")
    plain["simulation"] = plain["simulation"] or DEFAULT_SIMULATION.model_dump(mode="json")
    plain["plan"] = plain["plan"] or plan_defaults().model_dump(mode="json")
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        block = value if isinstance(value, dict) else None
        flat |= {key: value} if block is None else {f"{key}.{name}": one for name, one in block.items()}
    return flat


def changed_keys(before: Inputs, after: Inputs) -> tuple[str, ...]:
    """Paths whose values differ, in the order of the scenario; a block that one side lacks counts as not given."""
    return tuple(key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key))


def in_order(keys: Sequence[str], first: Sequence[str]) -> tuple[str, ...]:
    """`keys` with those of `first` before the others; a name may stand without its block.

    Raises: UnknownName for a name that is none of the changed inputs.

    >>> in_order(("models", "traffic.requests_per_s", "slo"), ("slo", "requests_per_s"))
    ('slo', 'traffic.requests_per_s', 'models')
    """
    named = [_path(name, keys) for name in dict.fromkeys(first)]
    return (*named, *(key for key in keys if key not in named))


def switched(start: Inputs, end: Inputs, keys: Sequence[str]) -> Scenario:
    """The scenario of `start` with the values of `end` at `keys`. Raises InputError where they do not go together."""
    mixed = {**start, **{key: end.get(key) for key in keys}}
    nested: dict[str, Any] = {}
    for key, value in mixed.items():
        block, _, name = key.partition(".")
        if value is not None and name:
            nested.setdefault(block, {})[name] = value
        elif value is not None:
            nested[block] = value
    return Scenario.from_dict(nested)


def _path(name: str, keys: Sequence[str]) -> str:
    found = next((key for key in keys if name in (key, key.partition(".")[2])), None)
    if found is None:
        raise UnknownName("changed input", name, list(keys))
    return found
