"""An accelerator: a chip with its memory, its dense rates by number format, its power and its link."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tokonomics.catalog.tables import Row, read_rows
from tokonomics.errors import raise_all
from tokonomics.units import GB, TFLOP

COLUMNS = (
    "id", "name", "vendor", "kind", "family", "memory_gb", "memory_bandwidth_gb_per_s", "fp32_tflops", "tf32_tflops",
    "bf16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops", "tdp_watts", "link", "link_gb_per_s", "launch_year",
    "purchase_usd", "purchase_basis", "status", "other_source_says", "estimated_cells", "source", "second_source",
    "notes",
)  # fmt: skip
KINDS = ("gpu", "tpu", "asic", "apple", "soc", "cpu")
STATUSES = ("listed", "disputed", "estimated")
_RATE_COLUMNS = {
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "bf16": "bf16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Accelerator:
    """One chip as a server sees it. Rates are dense (no 2:4 sparsity), with fp32 accumulation where a vendor splits it.

    `dense_flop_per_s` maps fp32, tf32, bf16 (or fp16), fp8, int8, fp4 to a rate; a missing key is a rate that is not
    known or not supported. `link_bytes_per_s` is per chip in one direction. `status` is "disputed" where public
    tables disagree (the value is the reconciled one, `other_source_says` the rest) and "estimated" where
    `estimated_cells` names columns that no source states. None is "not known", never zero.
    """

    id: str
    name: str
    vendor: str
    kind: str
    family: str
    memory_bytes: float | None
    memory_bandwidth_bytes_per_s: float | None
    dense_flop_per_s: Mapping[str, float]
    tdp_watts: float | None
    link: str
    link_bytes_per_s: float | None
    launch_year: int | None
    purchase_usd: float | None
    status: str
    source: str
    notes: str = ""
    purchase_basis: str = ""
    other_source_says: str = ""
    estimated_cells: tuple[str, ...] = ()
    second_source: str = ""


def read_accelerators(text: str, *, where: str = "accelerators.csv") -> tuple[Accelerator, ...]:
    """Accelerators of CSV `text`, in its order; InputError lists every wrong cell and every id that repeats."""
    problems: list[str] = []
    parts = tuple(parse_accelerator(row) for row in read_rows(text, where=where, columns=COLUMNS, problems=problems))
    ids = [part.id for part in parts]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    problems += [f"{where}: id={one!r} appears twice; keep one row" for one in twice]
    raise_all(problems)
    return parts


def parse_accelerator(row: Row) -> Accelerator:
    """One accelerator from the cells of `row`, which collects what is wrong with them."""
    return Accelerator(
        id=row.text("id", required=True),
        name=row.text("name", required=True),
        vendor=row.text("vendor", required=True),
        kind=row.choice("kind", KINDS, default="gpu"),
        family=row.text("family", required=True),
        memory_bytes=_scaled(row, "memory_gb", GB),
        memory_bandwidth_bytes_per_s=_scaled(row, "memory_bandwidth_gb_per_s", GB),
        dense_flop_per_s=_dense_rates(row),
        tdp_watts=row.number("tdp_watts"),
        link=row.text("link"),
        link_bytes_per_s=_scaled(row, "link_gb_per_s", GB),
        launch_year=row.count("launch_year"),
        purchase_usd=row.number("purchase_usd"),
        status=row.choice("status", STATUSES, default="listed"),
        source=row.text("source", required=True),
        notes=row.text("notes"),
        purchase_basis=row.text("purchase_basis"),
        other_source_says=row.text("other_source_says"),
        estimated_cells=tuple(row.text("estimated_cells").split()),
        second_source=row.text("second_source"),
    )


def _dense_rates(row: Row) -> Mapping[str, float]:
    rates = {dtype: _scaled(row, column, TFLOP) for dtype, column in _RATE_COLUMNS.items()}
    return MappingProxyType({dtype: rate for dtype, rate in rates.items() if rate is not None})


def _scaled(row: Row, column: str, unit: float) -> float | None:
    value = row.number(column)
    return None if value is None else value * unit
