from dataclasses import replace

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import gap_cv, window_rates_requests_per_s
from tokonomics.workload.presets import preset
from tokonomics.workload.rate_shape import RateShape, RateStates, sine_day_shape, state_path, week_shape
from tokonomics.workload.renewal import renewal_arrivals_s, unit_gaps_s, weibull_exponent
from tokonomics.workload.synthetic import synthetic_arrivals_s, synthetic_trace
from tokonomics.workload.traffic import traffic_from_rate

DAY = 86400.0


def rng(seed=1):
    return np.random.default_rng(seed)


def dispersion(arrivals_s, window_s):
    counts = window_rates_requests_per_s(arrivals_s, window_s) * window_s
    return counts.var() / counts.mean()


FAMILIES = [("poisson", 1.0), ("gamma", 0.3), ("gamma", 3.0), ("weibull", 0.5), ("weibull", 3.0)]


class TestRenewal:
    @pytest.mark.parametrize(("family", "cv"), FAMILIES)
    def test_rate_and_cv_are_as_asked(self, family, cv):
        arrivals_s = renewal_arrivals_s(rng(), requests_per_s=20.0, span_s=20_000.0, cv=cv, family=family)
        assert arrivals_s.size == pytest.approx(400_000, rel=0.02)
        assert gap_cv(arrivals_s) == pytest.approx(cv, rel=0.03)
        assert (np.diff(arrivals_s) >= 0.0).all()
        assert arrivals_s[0] >= 0.0
        assert arrivals_s[-1] < 20_000.0

    @pytest.mark.parametrize(("family", "cv"), FAMILIES)
    def test_the_dispersion_of_counts_tends_to_the_squared_cv(self, family, cv):
        arrivals_s = renewal_arrivals_s(rng(), requests_per_s=20.0, span_s=50_000.0, cv=cv, family=family)
        assert dispersion(arrivals_s, 20.0) == pytest.approx(cv**2, rel=0.15, abs=0.02)

    @pytest.mark.parametrize("cv", [0.5, 1.0, 3.0])
    def test_the_rate_is_the_same_from_the_start(self, cv):
        """A process that began with a whole gap would have too few arrivals in the first second, or too many."""
        firsts = [
            (renewal_arrivals_s(rng(seed), requests_per_s=1.0, span_s=2.0, cv=cv) < 1.0).sum() for seed in range(1500)
        ]
        assert np.mean(firsts) == pytest.approx(1.0, abs=0.12)

    def test_a_clock_has_no_cv(self):
        arrivals_s = renewal_arrivals_s(rng(), requests_per_s=2.0, span_s=100.0, cv=0.0)
        assert np.diff(arrivals_s) == pytest.approx(0.5)

    def test_a_long_gap_may_leave_nothing(self):
        sizes = {renewal_arrivals_s(rng(seed), requests_per_s=0.01, span_s=1.0).size for seed in range(50)}
        assert 0 in sizes

    def test_weibull_and_gamma_of_cv_1_are_exponential(self):
        gaps = [unit_gaps_s(rng(), 5, cv=1.0, family=one).tolist() for one in ("gamma", "weibull", "poisson")]
        assert gaps[0] == gaps[1] == gaps[2]

    def test_the_weibull_shape_has_its_cv(self):
        assert weibull_exponent([1.0, 5**0.5]) == pytest.approx([1.0, 0.5], rel=1e-5)
        assert np.isfinite(weibull_exponent([0.0, 1e9])).all()

    @pytest.mark.parametrize(
        "how",
        [
            {"requests_per_s": 0.0},
            {"span_s": np.inf},
            {"cv": -1.0},
            {"cv": np.nan},
            {"family": "normal"},
            {"family": "poisson", "cv": 2.0},
            {"requests_per_s": 1e8, "span_s": 1e8},
        ],
    )
    def test_what_cannot_be_is_refused(self, how):
        with pytest.raises(InputError, match="limit="):
            renewal_arrivals_s(rng(), **{"requests_per_s": 1.0, "span_s": 1.0, **how})


class TestShape:
    def test_only_ratios_count(self):
        assert RateShape(step_s=1.0, rate_factor=np.array([2.0, 6.0])).rate_factor.tolist() == [0.5, 1.5]

    def test_it_repeats(self):
        shape = RateShape(step_s=2.0, rate_factor=np.array([0.0, 2.0]))
        assert shape.period_s == 4.0
        assert shape.over_factor(9.0).tolist() == [0, 2, 0, 2, 0]

    def test_a_week_has_its_days_and_hours(self):
        shape = week_shape([1.0] * 23 + [25.0], [1.0] * 5 + [0.5, 0.5])
        assert shape.period_s == 7 * DAY
        assert shape.rate_factor[23] / shape.rate_factor[0] == pytest.approx(25.0)
        assert shape.rate_factor[0] / shape.rate_factor[6 * 24] == pytest.approx(2.0)

    def test_arrivals_follow_it(self):
        shape = week_shape([1.0] * 12 + [3.0] * 12, [1.0] * 5 + [0.0] * 2)
        arrivals_s = synthetic_arrivals_s(rng(), requests_per_s=0.2, span_s=14 * DAY, shape=shape)
        hours = (arrivals_s // 3600).astype(int)
        assert not np.isin(hours // 24 % 7, [5, 6]).any()
        assert np.mean(hours % 24 >= 12) == pytest.approx(0.75, abs=0.01)
        assert arrivals_s.size == pytest.approx(0.2 * 14 * DAY, rel=0.01)

    def test_a_sine_has_its_peak_at_its_hour(self):
        arrivals_s = synthetic_arrivals_s(
            rng(), requests_per_s=2.0, span_s=4 * DAY, shape=sine_day_shape(1.8, peak_hour=15.0)
        )
        by_hour = np.bincount((arrivals_s // 3600).astype(int) % 24)
        assert by_hour[13:17].sum() / by_hour.sum() == pytest.approx(4 / 24 * 1.76, rel=0.03)
        assert by_hour.argmin() in (2, 3)

    @pytest.mark.parametrize("cv", [0.4, 3.0])
    def test_a_moving_rate_leaves_gaps_as_bursty_within_an_hour(self, cv):
        arrivals_s = synthetic_arrivals_s(
            rng(), requests_per_s=5.0, span_s=DAY, cv=cv, shape=week_shape([1.0] * 12 + [4.0] * 12)
        )
        within = [gap_cv(arrivals_s[(arrivals_s // 3600).astype(int) == hour]) for hour in range(24)]
        assert np.mean(within) == pytest.approx(cv, rel=0.05)

    @pytest.mark.parametrize("factors", [[], [0.0, 0.0], [-1.0, 2.0], [np.nan]])
    def test_a_shape_without_requests_is_refused(self, factors):
        with pytest.raises(InputError, match="rate_factor"):
            RateShape(step_s=1.0, rate_factor=np.array(factors))

    def test_a_shape_with_too_many_steps_is_refused(self):
        with pytest.raises(InputError, match="longer steps"):
            RateShape(step_s=1e-3, rate_factor=np.ones(2)).over_factor(1e6)

    @pytest.mark.parametrize("how", [{"peak_ratio": 2.5}, {"peak_ratio": 1.5, "peak_hour": 25.0}])
    def test_a_sine_out_of_bounds_is_refused(self, how):
        with pytest.raises(InputError, match="limit="):
            sine_day_shape(**how)

    def test_a_week_needs_all_hours(self):
        with pytest.raises(InputError, match="12 hours"):
            week_shape([1.0] * 12)


class TestStates:
    STATES = RateStates(rate_factors=(1.0, 9.0), dwell_s=(90.0, 10.0))

    def test_time_in_a_state_is_its_share(self):
        times_s, factors = state_path(self.STATES, rng(), 1e5)
        spent = np.diff(np.append(times_s, 1e5))
        assert np.sum(spent[factors > 1]) / 1e5 == pytest.approx(0.1, abs=0.01)
        assert times_s[0] == 0.0
        assert (factors[1:] != factors[:-1]).all()
        assert np.average(factors, weights=spent) == pytest.approx(1.0, abs=0.1)

    def test_more_than_two_states(self):
        states = RateStates(rate_factors=(1.0, 2.0, 3.0), dwell_s=(5.0, 10.0, 15.0))
        times_s, factors = state_path(states, rng(), 1e5)
        spent = np.diff(np.append(times_s, 1e5))
        shares = [spent[factors == one].sum() / 1e5 for one in np.unique(factors)]
        assert shares == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.02)

    def test_the_rate_is_kept_and_counts_are_dispersed(self):
        arrivals_s = synthetic_arrivals_s(rng(), requests_per_s=5.0, span_s=2e5, states=self.STATES)
        assert arrivals_s.size == pytest.approx(1e6, rel=0.05)
        plain = synthetic_arrivals_s(rng(), requests_per_s=5.0, span_s=2e5)
        assert dispersion(plain, 10.0) == pytest.approx(1.0, abs=0.05)
        assert dispersion(arrivals_s, 10.0) > 20.0

    def test_the_dispersion_is_that_of_theory(self):
        """Var N(t)/E N(t) of a two-state process: 1 + 2 var(rate)/mean x (tau - tau^2/t (1 - exp(-t/tau)))."""
        arrivals_s = synthetic_arrivals_s(rng(4), requests_per_s=5.0, span_s=5e5, states=self.STATES)
        rates, shares = 5.0 * np.array([1.0, 9.0]) / 1.8, np.array([0.9, 0.1])
        variance = shares @ rates**2 - (shares @ rates) ** 2
        tau, t = 1 / (1 / 90 + 1 / 10), 30.0
        expected = 1 + 2 * variance / 5.0 * (tau - tau**2 / t * (1 - np.exp(-t / tau)))
        assert dispersion(arrivals_s, t) == pytest.approx(expected, rel=0.05)

    @pytest.mark.parametrize(
        "how",
        [
            {"rate_factors": (1.0,), "dwell_s": (1.0,)},
            {"rate_factors": (1.0, 2.0), "dwell_s": (1.0,)},
            {"rate_factors": (0.0, 0.0), "dwell_s": (1.0, 1.0)},
            {"rate_factors": (1.0, -1.0), "dwell_s": (1.0, 1.0)},
            {"rate_factors": (1.0, 2.0), "dwell_s": (0.0, 1.0)},
        ],
    )
    def test_states_out_of_bounds_are_refused(self, how):
        with pytest.raises(InputError, match="limit="):
            RateStates(**how)

    def test_too_many_changes_are_refused(self):
        with pytest.raises(InputError, match="changes of state"):
            state_path(RateStates(rate_factors=(1.0, 2.0), dwell_s=(1e-6, 1e-6)), rng(), 1e6)


class TestTrace:
    def test_lengths_are_pairs_of_the_sample(self):
        traffic = traffic_from_rate(2.0, [10, 20, 30], [1, 2, 3])
        trace = synthetic_trace(traffic, rng(), span_s=5000.0)
        assert trace.num_requests == pytest.approx(10_000, rel=0.05)
        assert (trace.input_tokens == 10 * trace.output_tokens).all()
        assert trace.input_tokens.mean() == pytest.approx(20.0, rel=0.03)

    def test_burstiness_is_the_traffic_s(self):
        traffic = traffic_from_rate(2.0, 10, 1, arrival_cv=3.0)
        assert gap_cv(synthetic_trace(traffic, rng(), span_s=1e5).arrivals_s) == pytest.approx(3.0, rel=0.05)
        plain = synthetic_trace(traffic, rng(), span_s=1e5, family="poisson")
        assert gap_cv(plain.arrivals_s) == pytest.approx(1.0, rel=0.02)

    def test_a_series_of_rates_is_followed(self):
        series = np.array([1.0, 3.0])
        traffic = traffic_from_rate(2.0, 10, 1)
        moving = replace(traffic, rate_series_requests_per_s=series, window_s=100.0, peak_requests_per_s=3.0)
        counts = np.bincount((synthetic_trace(moving, rng(), span_s=20_000.0).arrivals_s // 100).astype(int))
        assert counts[1::2].sum() / counts.sum() == pytest.approx(0.75, abs=0.01)

    def test_a_preset_can_be_played(self):
        trace = synthetic_trace(preset("chat", 5.0), rng(), span_s=1000.0, states=TestStates.STATES)
        assert trace.notes[-1] == "states"
        assert trace.block_hashes is None

    def test_a_seed_fixes_all(self):
        one, two = (synthetic_trace(preset("chat", 5.0), rng(9), span_s=500.0) for _ in range(2))
        assert one.arrivals_s.tolist() == two.arrivals_s.tolist()
        assert one.input_tokens.tolist() == two.input_tokens.tolist()
