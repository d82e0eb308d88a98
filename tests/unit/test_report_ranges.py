"""How ranges are written, and columns that nothing stands in."""

import pytest

from tokonomics.economics.figures.cost_per_token import TokenCost
from tokonomics.report.ranges import cost_range_dict, drop_empty, range_clause, range_text, ranges_dict
from tokonomics.report.view import Column, Table


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.678, 1.694), "0.678 to 1.69"),
        ((1.0, 1.0001), "1.00"),
        ((446.4, None), "446 to never"),
        ((0, 4), "0 to 4.00"),
        (None, None),
    ],
)
def test_words_of_a_range(ends, words):
    assert range_text(ends) == words


def test_units_and_digits():
    assert range_text((1.5e6, 3e6), unit_ratio=1e6, digits=2) == "1.5 to 3.0"


@pytest.mark.parametrize(
    ("ends", "words"), [((4.0, 6.0), ", 80 % between 4.00 and 6.00"), ((5.0, 5.0), ""), (None, "")]
)
def test_a_clause_is_silent_where_there_is_nothing_to_say(ends, words):
    assert range_clause(ends) == words


def test_blocks_of_a_document():
    assert ranges_dict({"a_usd": (1.0, 2.0), "b_usd": None}) == {"a_usd": {"p10": 1.0, "p90": 2.0}, "b_usd": None}
    cost = TokenCost(input_usd_per_mtok=0.0, output_usd_per_mtok=2.0, blended_usd_per_mtok=1.0)
    found = cost_range_dict(cost, 0.0)
    assert found == {f"{part}_usd_per_mtok": {"p10": value, "p90": value}
                     for part, value in (("input", 0.0), ("output", 2.0), ("blended", 1.0))}  # fmt: skip
    assert cost_range_dict(None, 0.1) is None


def test_only_named_columns_go_and_only_empty_ones():
    columns = tuple(Column(title=name, key=name) for name in "abc")
    table = Table(columns=columns, rows=[[None, 1, None], [None, None, None]])
    assert [one.key for one in drop_empty(table, "a", "b").columns] == ["b", "c"]
    assert drop_empty(table, "a", "b").rows == [[1, None], [None, None]]
