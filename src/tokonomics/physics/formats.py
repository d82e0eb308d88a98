"""Weight and KV-cache formats: how many bits a number takes, and at which matrix rate it is multiplied."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.errors import MissingFact, UnknownName


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightFormat:
    """One way to store weights.

    `weight_bits` counts group scales and zero points. `edge_bits` is what the embedding, head, router and norms
    take: most formats leave them in 16 bit. `compute` names the matrix rate; `fallback_compute` the rate where
    a part has no units for it (the format is then weight-only: it saves bytes, not arithmetic).
    """

    id: str
    weight_bits: float
    edge_bits: float
    compute: str
    fallback_compute: str
    source: str

    @property
    def weight_bytes(self) -> float:
        """Bytes a quantised weight takes."""
        return self.weight_bits / 8.0

    @property
    def edge_bytes(self) -> float:
        """Bytes a weight of the unquantised layers takes."""
        return self.edge_bits / 8.0


def _rows(name: str) -> list[dict[str, str]]:
    text = files("tokonomics.physics").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def weight_formats() -> Mapping[str, WeightFormat]:
    """All weight formats by id, as in `data/weight_formats.csv`."""
    return {row["id"]: _weight_format(row) for row in _rows("weight_formats.csv")}


def _weight_format(row: dict[str, str]) -> WeightFormat:
    return WeightFormat(
        id=row["id"],
        weight_bits=float(row["weight_bits"]),
        edge_bits=float(row["edge_bits"]),
        compute=row["compute"],
        fallback_compute=row["fallback_compute"],
        source=row["source"],
    )


@cache
def _kv_element_bits() -> Mapping[str, float]:
    return {row["id"]: float(row["element_bits"]) for row in _rows("kv_formats.csv")}


def weight_format(name: str) -> WeightFormat:
    """Return the weight format called `name`; UnknownName with the nearest three otherwise.

    >>> weight_format("int4-awq").weight_bits
    4.15625
    """
    if name not in weight_formats():
        raise UnknownName("precision", name, list(weight_formats()))
    return weight_formats()[name]


def kv_element_bytes(name: str) -> float:
    """Bytes one element of the KV cache takes in the format called `name`; UnknownName otherwise.

    >>> kv_element_bytes("fp8")
    1.0
    """
    if name not in _kv_element_bits():
        raise UnknownName("kv format", name, list(_kv_element_bits()))
    return _kv_element_bits()[name] / 8.0


def compute_rate_flop_per_s(accelerator: Accelerator, fmt: WeightFormat) -> tuple[str, float]:
    """Return (dtype, dense FLOP/s) at which `accelerator` multiplies weights of `fmt`.

    A format without units on this part falls back to its weight-only rate. A reduced native rate that is below
    the fallback (INT8 on Blackwell Ultra) is passed over too. MissingFact when the catalogue holds no rate.
    """
    rates = accelerator.dense_flop_per_s
    known = [(rates[dtype], dtype) for dtype in (fmt.compute, fmt.fallback_compute) if dtype in rates]
    if not known:
        raise MissingFact(
            f"{accelerator.id} has no {fmt.compute} rate in the catalogue, so {fmt.id} cannot be timed on it; "
            f"choose another precision or add the rate"
        )
    rate, dtype = max(known)
    return dtype, rate
