"""What every command shows of its sources: the table of an explanation, and the terms of a document."""

from collections.abc import Mapping
from typing import Any

from tokonomics.economics.figures.explanation import Explanation, Term, term_dict
from tokonomics.report.numbers import significant
from tokonomics.report.view import Column, Table

_COLUMNS = (
    Column(title="term"),
    Column(title="value", style="number", digits=4),
    Column(title="unit"),
    Column(title="status"),
    Column(title="source"),
)


def explained_table(one: Explanation) -> Table:
    """The formula as a title over its terms, each with unit, standing and source."""
    title = f"{one.number} of {one.option} = {significant(one.value, 4)} {one.unit}  =  {one.formula}"
    rows = [(term.name, term.value, term.unit, term.status, term.source) for term in one.terms]
    return Table(title=title, columns=_COLUMNS, rows=rows)


def inputs_dict(inputs: Mapping[str, Term]) -> dict[str, Any]:
    """Inputs by name, for a document."""
    return {name: term_dict(term) for name, term in inputs.items()}
