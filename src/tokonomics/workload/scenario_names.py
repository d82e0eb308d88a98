"""Where a scenario file has the names that turn out, long after it was read, to be in no catalogue."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tokonomics.errors import InputError
from tokonomics.workload.scenario_errors import Path as Keys
from tokonomics.workload.scenario_errors import placed
from tokonomics.workload.scenario_file import ScenarioFile, read_scenario_file

_UNKNOWN_NAME: Final = re.compile(r"unknown [a-z ]+: '([^']*)'")


@contextmanager
def unknown_names_placed(path: Path | None) -> Iterator[None]:
    """Say of every name that nobody knows where the file at `path` (None: there is none) has it.

    The catalogue is asked long after a file was read, so such errors come without a place; the file is read again.
    Raises InputError in the place of the one that came.
    """
    try:
        yield
    except InputError as error:
        if path is None or not any(_UNKNOWN_NAME.match(one) for one in error.violations):
            raise
        source = read_scenario_file(path)
        raise InputError(*(_placed_name(one, source) for one in error.violations)) from None


def _placed_name(violation: str, source: ScenarioFile) -> str:
    named = _UNKNOWN_NAME.match(violation)
    keys = next((keys for keys, value in _scalars(source.raw, ()) if named and value == named[1]), None)
    return violation if keys is None else placed(violation, keys, source.places)


def _scalars(value: object, keys: Keys) -> Iterator[tuple[Keys, object]]:
    """Every scalar of a file with the keys that lead to it."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield keys, value
    else:
        for key, one in inner:
            yield from _scalars(one, (*keys, key))
