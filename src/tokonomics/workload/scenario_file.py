"""Scenario files: YAML or TOML, or a JSON result that echoes its scenario; read as data from strangers.

YAML is composed, never constructed: tags that name objects, anchors and aliases (which can unfold without end),
deep nesting and large files are refused before anything is built.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tokonomics.errors import InputError
from tokonomics.files import bounded_text
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_errors import Places

MAX_FILE_BYTES: Final = 256 * 1024
MAX_RESULT_BYTES: Final = 16 * 1024 * 1024  # a result holds all its options beside the scenario
_FILES_IN_BLOCKS: Final = {"traffic": ("trace",), "simulation": ("confidence_data",)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioFile:
    """What a file says, before it is checked: its keys and values, and where each stood."""

    raw: Mapping[str, Any]
    places: Places

    def scenario(self) -> Scenario:
        """Check it. Raises InputError with every violation, each with its line and column."""
        return Scenario.from_dict(self.raw, places=self.places)


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file. Raises InputError with every violation at once."""
    return read_scenario_file(path).scenario()


def read_scenario_file(path: Path) -> ScenarioFile:
    """Read `path` by its suffix: .yaml, .yml, .toml, or .json for a result. Raises InputError if it cannot be."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} ends in none of {', '.join(_READERS)}; rename it to what it is")
    most = MAX_RESULT_BYTES if path.suffix.lower() == ".json" else MAX_FILE_BYTES
    text = bounded_text(path, most_bytes=most, advice="a scenario is a page, check the path")
    raw, places = reader(text, str(path))
    if not isinstance(raw, dict):
        raise InputError(f"{path} holds no keys; start from `tok init`")
    return ScenarioFile(raw=_beside(path, raw), places=places)


def _read_yaml(text: str, name: str) -> tuple[object, Places]:
    from tokonomics.workload.scenario_yaml import read_yaml  # a command line without a file needs no YAML

    return read_yaml(text, name)


def _read_toml(text: str, name: str) -> tuple[object, Places]:
    import tomllib  # nor TOML

    try:
        return tomllib.loads(text), Places(file=name)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{name}: no TOML: {error or 'nested too deep'}") from None


def _read_json(text: str, name: str) -> tuple[object, Places]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: no JSON: {error}") from None
    if isinstance(document, dict) and str(document.get("schema", "")).startswith("tokonomics/"):
        document = document.get("scenario")
    return document, Places(file=name)


def _beside(path: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """Make file names in `raw` relative to the folder of `path`, as every reader of the file expects."""

    def moved(block: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        names = {key: str(path.parent / block[key]) for key in keys if isinstance(block.get(key), str) and block[key]}
        return {**block, **names}

    if path.suffix.lower() == ".json":  # an echo holds its file names as they were used
        return raw
    raw = moved(raw, ("price_overrides",))
    blocks = {name: raw[name] for name in _FILES_IN_BLOCKS if isinstance(raw.get(name), dict)}
    return {**raw, **{name: moved(block, _FILES_IN_BLOCKS[name]) for name, block in blocks.items()}}


_READERS: Final = {".yaml": _read_yaml, ".yml": _read_yaml, ".toml": _read_toml, ".json": _read_json}
