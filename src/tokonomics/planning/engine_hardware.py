"""Which engine runs on whose accelerators: rows of a table, not knowledge of the code."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from tokonomics.catalog.accelerator import Accelerator


def runs_on(engine: str, part: Accelerator) -> bool:
    """Whether `engine` is documented to run on accelerators of this vendor.

    An engine that the table does not name is the user's own choice, and is taken to run wherever they say.
    """
    vendors = _vendors().get(engine)
    return vendors is None or part.vendor in vendors


@cache
def _vendors() -> Mapping[str, frozenset[str]]:
    table = files("tokonomics.planning").joinpath("data", "engine_hardware.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    return {row["engine"]: frozenset(one["vendor"] for one in rows if one["engine"] == row["engine"]) for row in rows}
