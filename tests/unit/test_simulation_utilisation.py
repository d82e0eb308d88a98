"""How full a fleet is: against the quote of the same traffic, and against a replica driven to saturation."""

from datetime import date

import pytest

from tokonomics.economics.quoting.ask import ask
from tokonomics.simulation.ask import build_case, replay
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.scenario import Scenario

DAY = date(2026, 11, 23)


def scenario(rate, **changes):
    slo = changes.pop("slo", None)
    return Scenario.from_dict(
        {
            "models": ["llama-3.1-8b"],
            "gpus": ["h100-sxm"],
            "num_gpus": [1],
            **({"slo": slo} if slo else {}),
            "traffic": {"preset": "chat", "requests_per_s": rate},
            "simulation": {"span_s": 1200.0, "gpu_usd_per_hour": 2.0, **changes},
        }
    )


def run(rate, **changes):
    return replay(build_case(scenario(rate, **changes), today=DAY), clock=lambda: 0.0)


def test_a_nearly_empty_replica_steps_all_the_time_but_is_hardly_used():
    full = run(2.0).utilisation
    assert full.stepping_frac > 0.9
    assert full.utilisation_frac < 0.15


@pytest.mark.parametrize("slo", [None, "ttft_p95=1s,itl_p95=50ms"])
def test_it_is_the_share_that_a_quote_reckons(slo):
    """The quote's capacity, and its utilisation at the same number of replicas, to the noise of 20 minutes."""
    answered = ask(scenario(8.0, slo=slo))
    (option,) = {
        one.operation.utilisation_frac * one.operation.num_replicas: one
        for one in answered.quote.options
        if one.operation is not None and one.operation.precision == "bf16" and one.operation.gpus_per_replica == 1
    }.values()
    one = run(8.0, slo=slo, num_replicas=option.operation.num_replicas)
    assert one.utilisation.capacity_requests_per_s == pytest.approx(option.operation.capacity_requests_per_s, rel=0.05)
    assert one.utilisation.utilisation_frac == pytest.approx(option.operation.utilisation_frac, rel=0.08)


@pytest.mark.parametrize("slo", [None, "ttft_p95=1s,itl_p95=50ms"])
def test_quote_and_replay_agree_on_what_usage_costs(slo):
    """One steady load at one price, the same replicas; 20 minutes of it are noise of a few per cent."""
    asked = Scenario.from_dict({**scenario(8.0, slo=slo).to_dict(), "simulation": None})
    option = next(
        one for one in ask(asked).quote.options
        if one.operation is not None and one.operation.precision == "bf16" and one.usd_per_mtok is not None
    )  # fmt: skip
    hours = HOURS_PER_MONTH * option.operation.num_replicas
    rate = option.usd_per_month / hours * option.num_used_gpus / option.num_gpus
    one = run(8.0, slo=slo, num_replicas=option.operation.num_replicas, gpu_usd_per_hour=rate)
    quoted, replayed = option.usd_per_mtok.usage, one.money.usd_per_mtok.usage
    assert replayed.blended_usd_per_mtok == pytest.approx(quoted.blended_usd_per_mtok, rel=0.08)


def test_driven_to_saturation_it_is_nearly_full():
    """Four times more than it can serve: what a replica then serves is its capacity."""
    capacity = run(5.0).utilisation.capacity_requests_per_s
    full = run(4.0 * capacity, span_s=300.0)
    assert full.utilisation.utilisation_frac == pytest.approx(1.0, abs=0.15)


def test_nothing_served_is_no_share():
    one = run(30.0, max_queued_requests=1, max_sequences=1, span_s=30.0)
    assert one.utilisation.stepping_frac > 0.9
    assert one.utilisation.utilisation_frac is not None
