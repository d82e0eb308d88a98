"""What was not taken into the catalogue, and why: nothing is dropped without a word."""

from collections.abc import Iterable
from dataclasses import dataclass

from tokonomics.catalog.snapshot import REJECTED_COLUMNS
from tokonomics.catalog.tables import write_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row, or one cell of it, that was refused: the table, what it was, the reason, its values, its source."""

    table: str
    key: str
    reason: str
    values: str
    source: str


def rejected_csv(rejected: Iterable[Rejected]) -> str:
    """The text of a snapshot's rejected.csv."""
    rows = [{column: getattr(one, column) for column in REJECTED_COLUMNS} for one in rejected]
    return write_rows(rows, REJECTED_COLUMNS)
