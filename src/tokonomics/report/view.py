"""What a command shows: headline, tables, charts and notes, as records that know nothing of terminals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from tokonomics.report.bars import Bars
from tokonomics.report.chart import Chart

Cell: TypeAlias = str | bool | int | float | Decimal | date | None
Style = Literal["text", "count", "number", "percent", "duration", "gb"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """How one column is named, written and kept.

    `title` and `unit` head the column for people; `key` heads it in CSV, with the unit as suffix, holding the
    raw value. `style` says how a value is written: `number` with `digits` significant digits, `percent` from
    a share of 1, `duration` from seconds, `gb` from bytes. None is written as `missing`, and left empty in
    CSV. The column of the largest `priority` is the first to go on a narrow terminal; 0 always stays.
    """

    title: str
    key: str = ""
    unit: str = ""
    style: Style = "text"
    digits: int = 3
    priority: int = 0
    missing: str = "-"

    @property
    def name(self) -> str:
        """The name in CSV: the key, or the title in snake case."""
        return self.key or "_".join(self.title.lower().split())

    @property
    def align(self) -> Literal["left", "right"]:
        """Text leans left, numbers lean right."""
        return "left" if self.style == "text" else "right"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under columns; every row has one cell a column. None is `no data`, and never written as 0."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells; the table has {len(self.columns)} columns")


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What people see: the answer in a sentence or a few, then the tables, then the charts, then the notes.

    The first table is the one that CSV holds.
    """

    headline: Sequence[str] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)
    charts: Sequence[Chart | Bars] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)
