"""Where an API wins above break-even."""

import math

import pytest

from tokonomics.economics.build_or_buy.api_wins import burst, burst_verdict, compliance, multi_model, rapid_iteration
from tokonomics.errors import InputError


def test_burst_capacity_and_hours_are_two_answers() -> None:
    day = burst(peak_ratio=10, peak_hours=2)
    assert day.idle_capacity_frac == pytest.approx(0.825)
    assert day.off_peak_hours_frac == pytest.approx(0.91667, abs=1e-5)
    assert day.mean_ratio == pytest.approx(1.75)
    assert day.peak_usd_ratio == pytest.approx(10 / 1.75)


@pytest.mark.parametrize(("peak", "hours", "idle"), [(1, 0, 0.0), (1, 24, 0.0), (5, 24, 0.0), (5, 0, 0.8)])
def test_burst_at_its_limits(peak: float, hours: float, idle: float) -> None:
    assert burst(peak_ratio=peak, peak_hours=hours).idle_capacity_frac == pytest.approx(idle)


def test_burst_verdict() -> None:
    day = burst(peak_ratio=10, peak_hours=2)
    verdict = burst_verdict(day, mean_self_host_usd_per_month=1000, api_usd_per_month=3000)
    assert verdict.api_wins
    assert verdict.self_host_usd_per_month == pytest.approx(5714.29, abs=0.01)
    assert "82.5%" in verdict.reason


def test_five_models_need_five_deployments_unless_they_share() -> None:
    five = multi_model(num_models=5, deployment_usd_per_month=1800, api_usd_per_month=4000)
    assert five.self_host_usd_per_month == 9000
    assert five.api_wins
    shared = multi_model(num_models=5, deployment_usd_per_month=1800, api_usd_per_month=4000, models_per_deployment=3)
    assert shared.self_host_usd_per_month == 3600
    assert not shared.api_wins


def test_rapid_iteration_charges_set_up_for_every_candidate() -> None:
    verdict = rapid_iteration(
        num_candidates=4,
        trial_hours=72,
        deployment_usd_per_hour=2.49,
        setup_usd_per_candidate=500,
        trial_tokens=20e6,
        api_usd_per_mtok=6.25,
    )
    assert verdict.self_host_usd_per_month == pytest.approx(4 * (72 * 2.49 + 500))
    assert verdict.api_usd_per_month == pytest.approx(500)
    assert verdict.api_wins


def test_compliance_api_cannot_win_without_the_certificate() -> None:
    needs = frozenset({"SOC 2", "HIPAA"})
    common = {"added_usd_per_month": 2000.0, "self_host_usd_per_month": 6800.0, "api_usd_per_month": 7500.0}
    covered = compliance(needs=needs, api_covers=frozenset({"SOC 2", "HIPAA", "PCI-DSS"}), **common)
    assert covered.api_wins
    assert covered.self_host_usd_per_month == 8800
    lacking = compliance(needs=needs, api_covers=frozenset({"SOC 2"}), **common)
    assert not lacking.api_wins
    assert "HIPAA" in lacking.reason


def test_compliance_of_unknown_cost_is_no_free_certificate() -> None:
    with pytest.raises(InputError, match="added_usd_per_month is missing"):
        compliance(
            needs=frozenset({"SOC 2"}),
            api_covers=frozenset(),
            added_usd_per_month=None,
            self_host_usd_per_month=1.0,
            api_usd_per_month=1.0,
        )


def test_without_needs_compliance_adds_nothing() -> None:
    verdict = compliance(
        needs=frozenset(),
        api_covers=frozenset(),
        added_usd_per_month=900.0,
        self_host_usd_per_month=100.0,
        api_usd_per_month=200.0,
    )
    assert verdict.self_host_usd_per_month == 100
    assert not verdict.api_wins


@pytest.mark.parametrize(("peak", "hours"), [(0.5, 2), (10, 25), (10, -1), (math.nan, 2)])
def test_burst_refuses_nonsense(peak: float, hours: float) -> None:
    with pytest.raises(InputError):
        burst(peak_ratio=peak, peak_hours=hours)


def test_a_tie_goes_to_self_hosting() -> None:
    assert not multi_model(num_models=1, deployment_usd_per_month=5, api_usd_per_month=5).api_wins
