"""The strategy table, and every data table of the package."""

import pytest

from tokonomics.economics.build_or_buy.strategies import (
    at_utilisation_usd_per_mtok,
    strategy_spread_ratio,
    strategy_table,
)
from tokonomics.economics.figures.assumptions import read_table
from tokonomics.errors import InputError

TABLES = (
    "anchors",
    "assumptions",
    "cascade_tiers",
    "commitment_terms",
    "distillation_tasks",
    "hidden_costs",
    "projection",
    "strategies",
    "students",
    "use_cases",
)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_date_a_source_and_a_standing(table: str) -> None:
    rows = read_table(table)
    assert rows
    for row in rows:
        assert None not in row, f"a cell too many in {table}: {row}"
        assert None not in row.values(), f"a cell too few in {table}: {row}"
        assert row["as_of"]
        assert row["source"]
        assert row["status"] in {"assumed", "list", "doubtful", "impossible"}


def test_six_strategies() -> None:
    rows = strategy_table()
    assert len(rows) == 6
    assert all(row.low_usd_per_mtok < row.high_usd_per_mtok for row in rows)
    assert strategy_spread_ratio(rows) == pytest.approx(375)


def test_a_range_at_the_utilisation_one_gets() -> None:
    assert at_utilisation_usd_per_mtok(0.25, utilisation_frac=0.7) / 0.25 == pytest.approx(1.43, abs=0.005)
    with pytest.raises(InputError):
        at_utilisation_usd_per_mtok(0.25, utilisation_frac=0.0)
    with pytest.raises(InputError, match="no strategy"):
        strategy_spread_ratio([])
