"""The table of models: one row a model, one column a dimension, a source on every row."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from tokonomics.catalog.architecture_cells import ARCHITECTURE_COLUMNS, architecture_of, count
from tokonomics.catalog.model import Model
from tokonomics.catalog.tables import Row, read_rows
from tokonomics.errors import InputError, raise_all

_BEFORE = ("id", "hf_id", "released_on", "licence", "native_format", "max_context_tokens")
_AFTER = ("published_params", "vendor_active_params", "status", "source", "notes")
MODEL_COLUMNS: Final = (*_BEFORE, *ARCHITECTURE_COLUMNS, *_AFTER)

STATUSES: Final = ("published", "approximate", "user")
_MAX_PARAMS = 10**15


def read_models(table: str | Path) -> tuple[Model, ...]:
    """Models of a CSV `table`, given as text or as the path of a file; InputError names every wrong cell.

    >>> read_models("id,native_format,source")
    ()
    """
    where = str(table) if isinstance(table, Path) else "models.csv"
    problems: list[str] = []
    rows = read_rows(_text(table), where=where, columns=MODEL_COLUMNS, problems=problems)
    models = tuple(_model(row) for row in rows)
    problems.extend(_repeated(models))
    raise_all(list(dict.fromkeys(problems)))
    return models


def shipped_models() -> tuple[Model, ...]:
    """The models that the package ships."""
    return read_models(files("tokonomics.catalog").joinpath("data", "models.csv").read_text("utf-8"))


def _text(table: str | Path) -> str:
    if isinstance(table, str):
        return table
    try:
        return table.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read models from {table}: {error}; give a CSV file in UTF-8") from None


def _model(row: Row) -> Model:
    row.day("released_on")
    return Model(
        id=row.text("id", required=True),
        hf_id=row.text("hf_id"),
        released_on=row.text("released_on"),
        licence=row.text("licence"),
        native_format=row.text("native_format", required=True),
        max_context_tokens=count(row, "max_context_tokens", high=10**9) or None,
        architecture=architecture_of(row),
        published_params=count(row, "published_params", high=_MAX_PARAMS) or None,
        vendor_active_params=count(row, "vendor_active_params", high=_MAX_PARAMS) or None,
        status=row.choice("status", STATUSES, default="user"),
        source=row.text("source", required=True),
        notes=row.text("notes"),
    )


def _repeated(models: tuple[Model, ...]) -> list[str]:
    names = [model.id for model in models]
    return [
        f"models: id={name!r} appears {names.count(name)} times; keep one row"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
