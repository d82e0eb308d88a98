"""A source: where a fact was read, under what licence, how and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.tables import read_rows
from tokonomics.errors import raise_all

COLUMNS = ("id", "title", "licence", "where", "how_read", "read_on")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A public place that facts were read from. Rows name it as "id" or "id#part"."""

    id: str
    title: str
    licence: str
    where: str
    how_read: str
    read_on: date | None


def source_id(reference: str) -> str:
    """The id of a reference such as "genai-prices-0.2.3#providers/groq.yml".

    >>> source_id("genai-prices-0.2.3#providers/groq.yml")
    'genai-prices-0.2.3'
    """
    return reference.partition("#")[0].strip()


def read_sources(text: str, *, where: str = "sources.csv") -> Mapping[str, Source]:
    """Sources of CSV `text` by id; InputError lists every wrong cell and repeated id."""
    problems: list[str] = []
    found: dict[str, Source] = {}
    for row in read_rows(text, where=where, columns=COLUMNS, problems=problems):
        one = Source(
            id=row.text("id", required=True),
            title=row.text("title", required=True),
            licence=row.text("licence", required=True),
            where=row.text("where", required=True),
            how_read=row.text("how_read", required=True),
            read_on=row.day("read_on"),
        )
        if one.id in found:
            row.fail("id", "appears twice; keep one row")
        found[one.id] = one
    raise_all(problems)
    return found
