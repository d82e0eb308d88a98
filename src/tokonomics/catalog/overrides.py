"""The user's own facts: negotiated prices, reserved contracts and chips of one's own, which beat every other layer.

A YAML file holds lists under `offers`, `api_prices` and `accelerators`; a CSV file holds one of the three tables,
told apart by its header. Columns are those of the shipped tables; `as_of` is required, `source` is the file's name
when left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokonomics.catalog import accelerator, api_price_table, offer
from tokonomics.catalog.accelerator import Accelerator, parse_accelerator
from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_price_table import gather_api_prices
from tokonomics.catalog.offer import Offer, parse_offer
from tokonomics.catalog.tables import Row, read_rows
from tokonomics.errors import InputError, raise_all
from tokonomics.files import bounded_text

MAX_OVERRIDE_BYTES = 1_000_000
MAX_YAML_BRACKETS = 1000
_TABLES: Mapping[str, tuple[str, ...]] = {
    "offers": offer.COLUMNS,
    "api_prices": api_price_table.COLUMNS,
    "accelerators": (*accelerator.COLUMNS, "as_of"),
}
# A column that only one of the tables has tells which one a CSV file is.
_MARKS = {"accelerator_id": "offers", "input_usd_per_mtok": "api_prices", "family": "accelerators"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """Facts of one file, and its text (which enters the catalogue's digest)."""

    origin: str = ""
    text: str = ""
    offers: tuple[Offer, ...] = ()
    api_prices: tuple[ApiPrice, ...] = ()
    accelerators: tuple[Accelerator, ...] = ()


def read_overrides(path: Path) -> Overrides:
    """Facts of a YAML or CSV file; InputError lists everything that is wrong with it."""
    text = bounded_text(path, most_bytes=MAX_OVERRIDE_BYTES, advice="split the override file")
    problems: list[str] = []
    rows = _csv_rows(path, text, problems) if path.suffix.lower() == ".csv" else _yaml_rows(path, text, problems)
    for row in (row for some in rows.values() for row in some):
        row.text("as_of", required=True)
    found = Overrides(
        origin=path.name,
        text=text,
        offers=tuple(parse_offer(row) for row in rows.get("offers", ())),
        api_prices=gather_api_prices(rows.get("api_prices", ())),
        accelerators=tuple(parse_accelerator(row) for row in rows.get("accelerators", ())),
    )
    raise_all(problems)
    return found


def _csv_rows(path: Path, text: str, problems: list[str]) -> dict[str, list[Row]]:
    header = text.partition("\n")[0]
    kind = next((kind for mark, kind in _MARKS.items() if mark in header.strip().split(",")), None)
    if kind is None:
        raise InputError(f"{path}: cannot tell the table; the header needs one of {', '.join(_MARKS)}")
    rows = read_rows(text, where=path.name, columns=_TABLES[kind], problems=problems)
    return {kind: [_with_source(row, path.name) for row in rows]}


def _yaml_rows(path: Path, text: str, problems: list[str]) -> dict[str, list[Row]]:
    document = _parse_yaml(path, text)
    if not isinstance(document, dict) or not document or not set(document) <= set(_TABLES):
        raise InputError(f"{path}: the file must hold lists under {', '.join(_TABLES)} and nothing else")
    return {kind: _rows_of(path, kind, entries, problems) for kind, entries in document.items()}


def _rows_of(path: Path, kind: str, entries: Any, problems: list[str]) -> list[Row]:
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise InputError(f"{path}: {kind} must be a list of entries; start each with a dash")
    rows = []
    for number, entry in enumerate(entries, start=1):
        where = f"{path.name}:{kind}[{number}]"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: is not a set of `column: value` lines")
        unknown = [str(name) for name in entry if name not in _TABLES[kind]]
        raise_all([f"{where}: unknown column {name!r}; known columns: {', '.join(_TABLES[kind])}" for name in unknown])
        row = Row(where=where, cells={name: _cell(value) for name, value in entry.items()}, problems=problems)
        rows.append(_with_source(row, path.name))
    return rows


def _with_source(row: Row, name: str) -> Row:
    if row.text("source"):
        return row
    return Row(where=row.where, cells={**row.cells, "source": f"override:{name}"}, problems=row.problems)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _parse_yaml(path: Path, text: str) -> Any:
    if any(text.count(opening) > MAX_YAML_BRACKETS for opening in "[{"):
        raise InputError(f"{path}: more than {MAX_YAML_BRACKETS} brackets; write one entry a block, with dashes")
    # Imported here: the YAML reader costs a third of the whole start-up and most runs have no override file.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not readable as YAML ({reason}); check indentation and colons") from None
