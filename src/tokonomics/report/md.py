"""A view as Markdown that GitHub draws well: for reports, pull requests and notes."""

from collections.abc import Iterator

from tokonomics.report.numbers import cell_text
from tokonomics.report.view import Table, View

_CHART_WIDTH = 72


def render_md(view: View) -> str:
    """Write headline, tables, charts and notes; every column is kept."""
    parts = [*(f"{line}  " for line in view.headline)]
    blocks = ["\n".join(parts)] if parts else []
    blocks += [_table(table) for table in view.tables]
    blocks += [f"```text\n{chart.draw(width=_CHART_WIDTH)}\n```" for chart in view.charts]
    if view.notes:
        blocks.append("\n".join(f"- {note}" for note in view.notes))
    return "\n\n".join(blocks) + "\n"


def _table(table: Table) -> str:
    return "\n".join(_lines(table))


def _lines(table: Table) -> Iterator[str]:
    if table.title:
        yield f"**{table.title}**\n"
    yield _row([f"{column.title} ({column.unit})" if column.unit else column.title for column in table.columns])
    yield _row(["---:" if column.align == "right" else "---" for column in table.columns])
    for row in table.rows:
        yield _row([cell_text(cell, column) for cell, column in zip(row, table.columns, strict=True)])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in cells)} |"
