"""Names as publications spell them, and what the catalogue and the physics call the same things.

Every mapping is a row of `data/*_names.csv` with a status: `exact`, `vague` (the source leaves open which of several
parts is meant), `nearest` (not the same, but close) or `same-shape` (other weights in the same architecture).
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.model import Model
from tokonomics.errors import UnknownName


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineName:
    """An engine as a publication names it.

    `engine` has constants in the physics; `default_precision` is what it loads when nothing is stated ("" for the
    model's own); `splits_tensors` says that several accelerators share each layer, else each holds some layers.
    """

    engine: str
    default_precision: str
    splits_tensors: bool
    status: str


@cache
def name_rows(table: str) -> tuple[Mapping[str, str], ...]:
    """Rows of `data/<table>.csv`."""
    text = files("tokonomics.measure").joinpath("data", f"{table}.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _by_name(table: str) -> Mapping[str, Mapping[str, str]]:
    return {row["name"].lower(): row for row in name_rows(table)}


def find_accelerator(name: str, catalog: Catalog) -> Accelerator | None:
    """The accelerator that a publication calls `name`, by the table of names or the catalogue; None when unknown."""
    row = _by_name("gpu_names").get(name.strip().lower())
    try:
        return catalog.accelerator(row["accelerator_id"] if row else name)
    except UnknownName:
        return None


def find_model(name: str, catalog: Catalog) -> Model | None:
    """The model that a publication calls `name`; releases and re-trainings of one architecture are one model.

    A name that the catalogue does not know loses its words, such as -instruct or -fp8, until one is known.
    """
    for spelling in _spellings(name.strip().lower()):
        row = _by_name("model_names").get(spelling)
        try:
            return catalog.model(row["model_id"] if row and row["kind"] == "name" else spelling)
        except UnknownName:
            continue
    return None


def _spellings(name: str) -> tuple[str, ...]:
    """`name`, its last part, and what is left when suffixes and prefixes go one after the other."""
    words = [(row["kind"], row["name"]) for row in name_rows("model_names") if row["kind"] != "name"]
    found = list(dict.fromkeys([name, name.rpartition("/")[2]]))
    for spelling in found:  # grows while it is read
        for kind, word in words:
            cut = spelling.removesuffix(word) if kind == "suffix" else spelling.removeprefix(word)
            if cut and cut not in found:
                found.append(cut)
    return tuple(found)


def find_precision(name: str) -> str | None:
    """Id of the weight format that a publication calls `name`; None when unknown.

    >>> find_precision("q4_k_m"), find_precision("bnb")
    ('gguf-q4_k_m', None)
    """
    row = _by_name("format_names").get(name.strip().lower())
    return row["precision"] if row else None


def find_engine(name: str, version: str = "") -> EngineName:
    """The engine that a publication calls `name`, in `version` ("" for a recent one).

    An engine that has no row is `generic`.

    >>> find_engine("vllm", "0.7.3").engine, find_engine("vllm").engine, find_engine("brand-new").engine
    ('vllm-v0', 'vllm', 'generic')
    """
    spelling = name.strip().lower()
    rows = [row for row in name_rows("engine_names") if row["name"] == spelling]
    known = (row for row in rows if not row["below_version"] or _is_below(version, row["below_version"]))
    row = next(known, _by_name("engine_names")["*"])
    return EngineName(
        engine=row["engine"],
        default_precision=row["default_precision"],
        splits_tensors=row["multi_gpu"] == "tensor",
        status=row["status"],
    )


def _is_below(version: str, limit: str) -> bool:
    """Whether a version that begins with numbers is older than `limit`; a nightly or an unknown one is not."""
    numbers = _numbers(version)
    return bool(numbers) and numbers < _numbers(limit)


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, match.group(1).split("."))) if match else ()
