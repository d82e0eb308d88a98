"""The first table of a view as CSV: raw values in base units, empty where there is no data."""

import csv
import io
from decimal import Decimal
from math import isfinite

from tokonomics.report.view import Cell, View


def render_csv(view: View) -> str:
    """Write the first table; the names of its columns carry the units.

    Text that a spreadsheet would run as a formula gets an apostrophe before it: names can come from files.
    """
    if not view.tables:
        return ""
    table = view.tables[0]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([[_field(cell) for cell in row] for row in table.rows])
    return out.getvalue()


def _field(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float | Decimal) and not isfinite(cell):
        raise ValueError(f"a cell is {cell}; CSV holds finite numbers only, and nothing for what is not known")
    if isinstance(cell, str):
        return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and cell != "-" else cell
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
