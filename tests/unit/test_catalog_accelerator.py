"""Accelerators: cells to base units, unknown stays unknown, and all mistakes at once."""

import pytest

from tokonomics.catalog.accelerator import COLUMNS, read_accelerators
from tokonomics.errors import InputError

HEADER = "id,name,vendor,kind,family,memory_gb,memory_bandwidth_gb_per_s,bf16_tflops,fp8_tflops,status,source\n"


def test_units_become_base_units() -> None:
    [part] = read_accelerators(HEADER + "h,H,V,gpu,hopper,80,3350,989.4,1978.9,listed,s\n")
    assert part.memory_bytes == 80e9
    assert part.memory_bandwidth_bytes_per_s == 3.35e12
    assert part.dense_flop_per_s["bf16"] == pytest.approx(989.4e12, rel=1e-12)
    assert part.dense_flop_per_s["fp8"] == pytest.approx(1978.9e12, rel=1e-12)


def test_an_empty_cell_is_unknown_and_never_zero() -> None:
    [part] = read_accelerators(HEADER + "c,C,V,cpu,cpu,,307,,,,s\n")
    assert part.memory_bytes is None
    assert dict(part.dense_flop_per_s) == {}
    assert part.status == "listed"
    assert part.tdp_watts is None


def test_rates_cannot_be_changed() -> None:
    [part] = read_accelerators(HEADER + "h,H,V,gpu,hopper,80,3350,989,,,s\n")
    with pytest.raises(TypeError):
        part.dense_flop_per_s["bf16"] = 1.0  # type: ignore[index]


def test_every_mistake_is_named_at_once() -> None:
    text = HEADER + "a,A,V,gpu,ada,0,x,-1,,fine,\na,,V,toaster,ada,1,1,1,1,listed,s\n"
    with pytest.raises(InputError) as caught:
        read_accelerators(text, where="mine.csv")
    said = "\n".join(caught.value.violations)
    for part in (
        "mine.csv:2: memory_gb='0' is zero",
        "mine.csv:2: memory_bandwidth_gb_per_s='x'",
        "mine.csv:2: bf16_tflops='-1'",
        "mine.csv:2: status='fine'",
        "mine.csv:2: source='' is empty",
        "mine.csv:3: name='' is empty",
        "mine.csv:3: kind='toaster'",
        "id='a' appears twice",
    ):
        assert part in said


def test_columns_carry_their_units() -> None:
    numeric = {column for column in COLUMNS if any(unit in column for unit in ("gb", "tflops", "tops", "watts", "usd"))}
    assert len(numeric) == 11
