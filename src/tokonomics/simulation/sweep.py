"""A grid of scenarios: one key or several take each of their values in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from tokonomics.errors import InputError, UnknownName, raise_all
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import PlanSpec
from tokonomics.workload.scenario_simulation import SimulationSpec

MOST_POINTS: Final = 10_000
_ALIASES: Final = {"replicas": "num_replicas", "scale": "rate_ratio"}
_RATE: Final = "rate"
_RIVALS: Final = ("users", "think_time_s", "tokens_per_month")


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A key and the values that it takes; `key` is one of the blocks `simulation` and `plan`, or rate, or num_gpus."""

    key: str
    values: tuple[int | float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One scenario of the grid, and the values that make it."""

    values: tuple[tuple[str, int | float], ...]
    scenario: Scenario


def parse_axis(text: str, keys: Sequence[str] | None = None) -> Axis:
    """Read `key=1,2,4` or `key=1..8`; `keys` may be swept beside rate and num_gpus, None: those of a replay.

    Raises: InputError for what is no axis, UnknownName for a key that cannot be swept.

    >>> parse_axis("replicas=1..3").values, parse_axis("rate=0.5,2").key
    ((1, 2, 3), 'rate')
    """
    name, equals, listed = (part.strip() for part in text.partition("="))
    key = _ALIASES.get(name, name)
    known = (_RATE, "num_gpus", *((*_ALIASES, *_numeric_keys()) if keys is None else keys))
    if not equals:
        raise InputError(f"--sweep {text!r} is not KEY=VALUES; write it as replicas=1,2,4 or replicas=1..8")
    if key not in known:
        raise UnknownName("sweep key", name, known)
    problems: list[str] = []
    values = tuple(value for part in listed.split(",") for value in _values(part.strip(), text, problems))
    raise_all(problems)
    return Axis(key=key, values=tuple(dict.fromkeys(values)))


def grid(scenario: Scenario, axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Every combination of the values of `axes`, the last axis fastest.

    Raises: InputError with all values that a scenario refuses, or where the grid is too large.
    """
    keys = [axis.key for axis in axes]
    problems = [f"--sweep {key} stands twice; keep one" for key in sorted({key for key in keys if keys.count(key) > 1})]
    num = 1
    for axis in axes:
        num *= len(axis.values)
    if num > MOST_POINTS:
        problems.append(f"the sweep has {num} points; limit={MOST_POINTS}; give fewer values")
    raise_all(problems)
    points: list[Point] = []
    refused: list[str] = []
    for values in product(*(axis.values for axis in axes)):
        at = tuple(zip(keys, values))
        try:
            points.append(Point(values=at, scenario=_changed(scenario, dict(at))))
        except InputError as error:
            refused += error.violations
    raise_all(list(dict.fromkeys(refused)))
    return tuple(points)


def _changed(scenario: Scenario, values: dict[str, int | float]) -> Scenario:
    raw: dict[str, Any] = scenario.to_dict()
    blocks = {"simulation": dict(raw.get("simulation", {})), "plan": dict(raw.get("plan", {}))}
    for key, value in values.items():
        if key == _RATE:
            kept = {name: one for name, one in raw["traffic"].items() if name not in _RIVALS}
            raw["traffic"] = {**kept, "requests_per_s": value}
        elif key == "num_gpus":
            raw["num_gpus"] = [value]
        else:
            blocks["plan" if key in PlanSpec.model_fields else "simulation"][key] = value
    return Scenario.from_dict({**raw, **{name: block for name, block in blocks.items() if block}})


def _values(part: str, text: str, problems: list[str]) -> Sequence[int | float]:
    first, dots, last = part.partition("..")
    try:
        if dots:
            span = range(int(first), int(last) + 1)
            if 0 < len(span) <= MOST_POINTS:
                return span
        else:
            return (int(part) if part.lstrip("-").isdigit() else float(part),)
    except ValueError:
        pass
    problems.append(f"--sweep {text!r}: {part!r} is no number and no range; write 1,2,4 or 1..8")
    return ()


def _numeric_keys() -> tuple[str, ...]:
    """Keys of the block `simulation` that hold a number."""
    texts = ("router", "batching", "start_at", "overflow", "capacity_plan", "keep_tokens", "as_planned")
    return tuple(name for name in SimulationSpec.model_fields if name not in texts)
