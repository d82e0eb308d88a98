"""Limits as a file and as flags, and the verdict on each."""

from dataclasses import replace

import pytest

from tokonomics.errors import InputError
from tokonomics.planning.limits import LIMIT_NAMES, Limits, limits_from, read_limits
from tokonomics.planning.outcome import Outcome
from tokonomics.planning.verdicts import judge

GOOD = Outcome(
    option="o",
    usd_per_month=1000.0,
    allocation_usd_per_mtok=0.5,
    slo_probability=0.95,
    quality_frac=0.8,
    freshness="aging",
)
BASE = Outcome(option="b", usd_per_month=800.0)
EDGES = {
    "max_usd_per_month": 1000.0,
    "max_usd_per_mtok": 0.5,
    "max_increase_usd_per_month": 200.0,
    "max_increase_frac": 0.25,
    "min_slo_probability": 0.95,
    "min_quality_frac": 0.8,
}


def verdict(result=GOOD, base=BASE, **keys):
    (found,) = judge(limits_from(keys), result, base)
    return found


@pytest.mark.parametrize(("name", "edge"), EDGES.items())
def test_a_limit_is_kept_at_its_edge_and_broken_beyond(name, edge):
    worse = 0.999 if name.startswith("max_") else 1.001
    assert verdict(**{name: edge}).is_kept
    broken = verdict(**{name: edge * worse})
    assert not broken.is_kept
    assert broken.sentence.startswith(f"{name}: found {edge:,.6g}; limit=")


@pytest.mark.parametrize("name", [*EDGES, "forbid_stale_prices"])
def test_what_nobody_knows_keeps_no_limit(name):
    found = verdict(Outcome(option="o"), **{name: EDGES.get(name, True)})
    assert not found.is_kept
    assert found.value is None
    assert "found unknown" in found.sentence


@pytest.mark.parametrize(
    ("level", "is_kept"),
    [("fresh", True), ("aging", True), ("stated", True), ("stale", False), ("unknown", False), ("", False)],
)
def test_old_prices(level, is_kept):
    assert verdict(replace(GOOD, freshness=level), forbid_stale_prices=True).is_kept is is_kept


def test_margin_by_month_and_by_token():
    by_month = verdict(min_margin_frac=0.2, revenue_usd_per_month=1250.0)
    assert by_month.value == pytest.approx(0.2)
    assert by_month.made_of == {"cost_usd_per_month": 1000.0, "revenue_usd_per_month": 1250.0}
    by_token = verdict(min_margin_frac=0.2, revenue_usd_per_mtok=0.6)
    assert by_token.value == pytest.approx(1 - 0.5 / 0.6)
    assert not by_token.is_kept


def test_a_base_that_cost_nothing_has_no_share():
    free = Outcome(option="b", usd_per_month=0.0)
    assert not verdict(base=free, max_increase_frac=5.0).is_kept
    assert verdict(result=free, base=free, max_increase_frac=0.0).is_kept


def test_a_fall_keeps_every_limit_on_the_increase():
    cheap = replace(GOOD, usd_per_month=10.0)
    assert verdict(cheap, max_increase_usd_per_month=0.0).is_kept
    assert verdict(cheap, max_increase_frac=0.0).is_kept


def test_an_increase_needs_a_base():
    with pytest.raises(InputError, match="--base"):
        judge(limits_from({"max_increase_frac": 0.1}), GOOD, None)
    assert judge(limits_from({"max_usd_per_month": 1e4}), GOOD, None)[0].is_kept


def test_every_limit_has_a_judge_and_an_edge():
    everything = {**EDGES, "min_margin_frac": 0.1, "revenue_usd_per_month": 5000.0, "forbid_stale_prices": True}
    found = judge(limits_from(everything), GOOD, BASE)
    assert [one.name for one in found] == list(LIMIT_NAMES)
    assert all(one.is_kept for one in found)


class TestFiles:
    def test_flags_stand_over_the_file(self, tmp_path):
        path = tmp_path / "limits.yaml"
        path.write_text("max_usd_per_month: 100\nforbid_stale_prices: true\n")
        found = read_limits(path, {"max_usd_per_month": 200.0, "max_usd_per_mtok": None})
        assert found == Limits(max_usd_per_month=200.0, forbid_stale_prices=True)

    def test_every_violation_with_its_place(self, tmp_path):
        path = tmp_path / "limits.yaml"
        path.write_text("max_usd_per_mont: 1\nmin_slo_probability: 4\nmin_margin_frac: 0.3\n")
        with pytest.raises(InputError) as found:
            read_limits(path, {})
        text = "\n".join(found.value.violations)
        assert "limits.yaml:1:1: unknown key 'max_usd_per_mont'; nearest: max_usd_per_month" in text
        assert "limits.yaml:2:1: min_slo_probability=4; limit=at most 1" in text
        assert "min_margin_frac has no revenue" in text

    @pytest.mark.parametrize(
        ("flags", "sentence"),
        [
            ({}, "no limit is set"),
            ({"forbid_stale_prices": False}, "no limit is set"),
            ({"revenue_usd_per_month": 5.0}, "is not used"),
            ({"revenue_usd_per_month": 5.0, "revenue_usd_per_mtok": 5.0, "min_margin_frac": 0.1}, "keep one of them"),
            ({"max_usd_per_month": float("nan")}, "max_usd_per_month"),
            ({"max_usd_per_month": float("inf")}, "max_usd_per_month"),
            ({"max_increase_frac": -0.1}, "at least 0"),
        ],
    )
    def test_limits_that_say_nothing(self, flags, sentence):
        with pytest.raises(InputError, match=sentence):
            read_limits(None, flags)
