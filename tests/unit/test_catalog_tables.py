"""Tables: typed cells, and every wrong cell named at once."""

from datetime import date, time
from decimal import Decimal

import pytest

from tokonomics.catalog.tables import MAX_CELL_CHARS, Row, read_rows, write_rows
from tokonomics.errors import InputError


def row(**cells: str) -> Row:
    return Row(where="t.csv:2", cells=cells)


@pytest.mark.parametrize(
    "text", ["abc", "nan", "inf", "-inf", "-1", "1e400000", "0x10", "1,5", "1_0", "٣", "1e400", "1 2"]
)
def test_money_refuses_what_is_no_price(text: str) -> None:
    one = row(price=text)
    assert one.money("price") is None
    assert one.problems[0].startswith(f"t.csv:2: price={text!r}")


def test_money_is_exact_and_keeps_zero() -> None:
    one = row(price="0.1", free="0")
    assert one.money("price") == Decimal("0.1")
    assert one.money("free") == Decimal(0)
    assert one.problems == []


def test_number_refuses_zero_because_unknown_is_empty() -> None:
    one = row(memory="0", other="")
    assert one.number("memory") is None
    assert one.number("other") is None
    assert one.problems == ["t.csv:2: memory='0' is zero; leave an unknown value empty"]


@pytest.mark.parametrize("text", ["-1", "2.5", "eight", "٣", "1e3"])
def test_count_takes_plain_digits_only(text: str) -> None:
    one = row(num=text)
    assert one.count("num") is None
    assert "whole number" in one.problems[0]


def test_count_of_digits_and_of_nothing() -> None:
    assert row(num="08").count("num") == 8
    assert row(num="").count("num") is None
    assert row().count("num") is None


def test_day_and_clock() -> None:
    one = row(day="2026-11-23", clock="00:30", bad_day="23.11.2026", bad_clock="25:00")
    assert one.day("day") == date(2026, 11, 23)
    assert one.clock("clock") == time(0, 30)
    assert one.day("bad_day") is None
    assert one.clock("bad_clock") is None
    assert len(one.problems) == 2


def test_choice_and_required_text() -> None:
    one = row(status="odd", name=" ")
    one.choice("status", ("listed", "suspect"))
    one.text("name", required=True)
    assert one.choice("missing", ("listed",), default="listed") == "listed"
    assert [problem.partition(": ")[2] for problem in one.problems] == [
        "status='odd' is not one of listed, suspect",
        "name=' ' is empty; every row needs it",
    ]


def test_read_rows_says_where_and_skips_blank_lines() -> None:
    rows = read_rows("a,b\n1,2\n\n,\n3\n", where="x.csv", columns=("a", "b"), problems=[])
    assert [(one.where, one.text("a"), one.text("b")) for one in rows] == [("x.csv:2", "1", "2"), ("x.csv:5", "3", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,zzz\n", "unknown column 'zzz'"),
        ("a,a\n", "appears twice"),
        ("a,b\n1,2,3\n", "3 cells under 2 columns"),
        ('a,b\n"1,2\n', "not readable as CSV"),
        ("a,b\n" + "x" * (MAX_CELL_CHARS + 1) + ",\n", "more than"),
    ],
)
def test_read_rows_refuses_a_broken_table(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_rows(text, where="x.csv", columns=("a", "b"), problems=[])


def test_every_unknown_column_is_named() -> None:
    with pytest.raises(InputError) as caught:
        read_rows("p,q\n", where="x.csv", columns=("a",), problems=[])
    assert len(caught.value.violations) == 2


def test_problems_of_all_rows_gather_in_one_list() -> None:
    problems: list[str] = []
    for one in read_rows("n\nx\ny\n", where="x.csv", columns=("n",), problems=problems):
        one.count("n")
    assert [problem.split(":")[1] for problem in problems] == ["2", "3"]


def test_write_rows_round_trips_and_refuses_a_stray_cell() -> None:
    text = write_rows([{"a": "1,5", "b": ""}], ("a", "b"))
    assert text == 'a,b\n"1,5",\n'
    with pytest.raises(ValueError, match="zzz"):
        write_rows([{"zzz": "1"}], ("a",))
