"""The one door to the renderers: a view and its document go in, text comes out."""

from typing import Final, Literal

from tokonomics.report.csv import render_csv
from tokonomics.report.json import Document, render_json
from tokonomics.report.md import render_md
from tokonomics.report.table import render_table
from tokonomics.report.view import View

Format = Literal["table", "json", "csv", "md"]

FORMATS: Final[tuple[Format, ...]] = ("table", "json", "csv", "md")
FORMAT_OF_SUFFIX: Final[dict[str, Format]] = {".json": "json", ".csv": "csv", ".md": "md", ".txt": "table"}


def render(
    view: View, document: Document, fmt: Format, *, width: int = 80, color: bool = False, unicode: bool = True
) -> str:
    """Write a result in `fmt`: JSON reads the document, all else the view. Ends with a line break."""
    if fmt == "json":
        return render_json(document)
    if fmt == "csv":
        return render_csv(view)
    if fmt == "md":
        return render_md(view)
    return render_table(view, width=width, color=color, unicode=unicode)
