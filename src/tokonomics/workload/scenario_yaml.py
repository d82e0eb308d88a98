"""YAML as plain data with the place of every key; nothing that a stranger's file could abuse is accepted."""

from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tokonomics.errors import InputError
from tokonomics.workload.scenario_errors import Path, Places, key_name

MAX_DEPTH: Final = 8
_PREFIX: Final = "tag:yaml.org,2002:"
_MOST_BITS: Final = 1024
"""Of a whole number: a float holds no larger one, and Python refuses to print much larger ones."""
_SCALARS: Final = tuple(_PREFIX + name for name in ("null", "bool", "int", "float", "str", "timestamp"))


def read_yaml(text: str, name: str) -> tuple[object, Places]:
    """Read one YAML document called `name` into dicts, lists and scalars, and the places of its keys.

    Raises: InputError, with line and column, for what is no YAML, repeats a key, or uses an anchor, an alias or a
    tag.
    """
    try:
        _refuse_tricks(text, name)
        yaml = YAML(typ="safe", pure=True)
        node = yaml.compose(text)
        lines: dict[Path, tuple[int, int]] = {}
        return _value(yaml, node, (), lines, name), Places(file=name, lines=lines)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InputError(f"{place}: no YAML: {error.problem or error.context}") from None
    except YAMLError as error:
        raise InputError(f"{name}: no YAML: {' '.join(str(error).split())}") from None


def _refuse_tricks(text: str, name: str) -> None:
    """Look at the events before anything is built: depth is bounded, references and tags are not data."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        trick = _trick(event, depth)
        if trick:
            mark = event.start_mark
            raise InputError(f"{name}:{mark.line + 1}:{mark.column + 1}: {trick}")


def _trick(event: Any, depth: int) -> str:
    if depth > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}; a scenario is flat"
    if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
        return "anchors and aliases are not accepted; write the value out"
    if getattr(event, "tag", None) not in (None, "!"):
        return f"the tag {event.tag} is not accepted; write plain values"
    return ""


def _value(yaml: YAML, node: Node | None, path: Path, lines: dict[Path, tuple[int, int]], name: str) -> object:
    if node is None:
        return None
    lines.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, MappingNode):
        return dict(_items(yaml, node, path, lines, name))
    if isinstance(node, SequenceNode):
        return [_value(yaml, one, (*path, number), lines, name) for number, one in enumerate(node.value)]
    if isinstance(node, ScalarNode) and str(node.tag) in _SCALARS:
        return _scalar(yaml, node)
    raise InputError(f"{_at(name, node)}{key_name(path)} is a {node.tag}; write plain values")


def _items(
    yaml: YAML, node: MappingNode, path: Path, lines: dict[Path, tuple[int, int]], name: str
) -> Iterator[tuple[str, object]]:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise InputError(f"{_at(name, key_node)}a key is a list or a block; write a word")
        key = str(key_node.value)
        if key in seen:
            raise InputError(f"{_at(name, key_node)}{key_name((*path, key))} appears twice; keep one")
        seen.add(key)
        lines[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        yield key, _value(yaml, value_node, (*path, key), lines, name)


def _scalar(yaml: YAML, node: ScalarNode) -> object:
    """The value; what no record can hold is left as text, so that the record says so beside all else."""
    try:
        value: object = yaml.constructor.construct_object(node)
    except ValueError:  # such as 2026-13-45, which looks like a date
        return str(node.value)
    return str(node.value) if isinstance(value, int) and value.bit_length() > _MOST_BITS else value


def _at(name: str, node: Node) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: "
