"""A view as fixed-width text: a table shrinks to the terminal by dropping its least columns, and says so."""

import io
from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any

from tokonomics.report.numbers import cell_text
from tokonomics.report.view import Column, Table, View

_PADDING = 2
_LEAST_CHART_WIDTH = 40
_LARGEST_CHART_WIDTH = 100


def render_table(view: View, *, width: int, color: bool, unicode: bool = True) -> str:
    """Write `view` for a terminal `width` columns wide; `color` may style it, plain text says the same."""
    from rich.console import Console  # heavy: 60 ms that JSON and CSV need not pay

    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, highlight=False, legacy_windows=False
    )
    for line in view.headline:
        console.print(_wrapped(line, width), style="bold" if color else None, markup=False)
    for table in view.tables:
        _print_table(console, table, width, unicode)
    chart_width = min(max(width, _LEAST_CHART_WIDTH), _LARGEST_CHART_WIDTH)
    for chart in view.charts:
        out.write(f"\n{chart.draw(width=chart_width, unicode=unicode)}\n")
    if view.notes:
        console.print()
    for note in view.notes:
        console.print(_wrapped(f"  {note}", width), style="dim" if color else None, markup=False)
    text = out.getvalue()
    return "\n".join(line.rstrip() for line in text.split("\n")).lstrip("\n")


def kept_columns(table: Table, width: int) -> tuple[int, ...]:
    """Indices of the columns that fit into `width`; the largest priority goes first, then the rightmost."""
    widths = [_text_width(column, cells) for column, cells in zip(table.columns, _by_column(table), strict=True)]
    kept = list(range(len(widths)))
    while sum(widths[i] for i in kept) + _PADDING * len(kept) > width:
        droppable = [i for i in kept if table.columns[i].priority > 0]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: (table.columns[i].priority, i)))
    return tuple(kept)


def _print_table(console: Any, table: Table, width: int, unicode: bool) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    kept = kept_columns(table, width)
    drawn = RichTable(
        box=box.SIMPLE_HEAD if unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        padding=(0, _PADDING - 1, 0, 0),  # the box adds one
        collapse_padding=True,
        title=Text(table.title) if table.title else None,
        title_justify="left",
    )
    for i in kept:
        column = table.columns[i]
        header = Text("\n".join(_heading(column)))
        drawn.add_column(header, justify=column.align, overflow="fold", no_wrap=column.align == "right")
    for row in table.rows:
        drawn.add_row(*(Text(cell_text(row[i], table.columns[i])) for i in kept))
    console.print()
    console.print(drawn)
    hidden = [column.title for i, column in enumerate(table.columns) if i not in kept]
    if hidden:
        note = f"  (not shown at {width} columns: {', '.join(hidden)}; -f csv shows all)"
        console.print(_wrapped(note, width), markup=False)


def _wrapped(line: str, width: int) -> str:
    """Break a line at blanks, continuing under its third character beyond its own indent."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def _heading(column: Column) -> list[str]:
    return [column.title, column.unit] if column.unit else [column.title]


def _by_column(table: Table) -> Iterator[Sequence[str]]:
    for i, column in enumerate(table.columns):
        yield [cell_text(row[i], column) for row in table.rows]


def _text_width(column: Column, cells: Sequence[str]) -> int:
    return max(len(text) for text in (*_heading(column), *cells))
