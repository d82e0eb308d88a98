"""A router pays one model a query."""

import numpy as np
import pytest

from tokonomics.economics.quality.router_eval import Pool, evaluate_router, report_router, route, router_hull
from tokonomics.errors import InputError

SCORE = np.array([[1, 1], [0, 1], [1, 1], [0, 1], [1, 0], [0, 0]], dtype=float)
POOL = Pool.of(["cheap", "dear"], score=SCORE, cost_usd=[1.0, 10.0])


def test_route_takes_the_cheaper_on_a_tie() -> None:
    assert route(SCORE, [1.0, 10.0], quality_per_usd=0.0).tolist() == [0, 1, 0, 1, 0, 0]
    assert route(SCORE, [1.0, 10.0], quality_per_usd=1.0).tolist() == [0] * 6


def test_an_oracle_router_keeps_more_for_less() -> None:
    hull = router_hull(POOL, SCORE)
    assert hull.quality_frac[-1] == pytest.approx(5 / 6)
    assert hull.cost_usd[-1] == pytest.approx(4.0)
    assert hull.quality_frac[0] == pytest.approx(0.5)


def test_report_names_every_rival() -> None:
    report = report_router(POOL, SCORE, of_best_frac=1.0)
    assert report.best_single == "dear"
    assert report.cheapest_adequate == "dear"
    assert report.router_usd_per_request == pytest.approx(1 + 3.0 * (1 / 6) / (1 / 3))
    assert report.saving_vs_best_frac == pytest.approx(0.75)
    assert report.oracle_usd_per_request == report.router_usd_per_request
    assert report.mixing_area_frac < report.router_area_frac <= report.oracle_area_frac + 1e-12


def test_a_router_that_knows_nothing_saves_nothing() -> None:
    blind = np.tile(SCORE.mean(axis=0), (6, 1))
    report = report_router(POOL, blind, of_best_frac=1.0)
    assert report.saving_vs_best_frac == pytest.approx(0.0)
    assert report.saving_vs_mixing_frac == pytest.approx(0.0)


def test_a_lower_bar_is_met_by_substitution() -> None:
    report = report_router(POOL, np.tile(SCORE.mean(axis=0), (6, 1)), of_best_frac=0.7)
    assert report.cheapest_adequate == "cheap"
    assert report.saving_vs_adequate_frac == pytest.approx(0.0)


def test_the_price_is_tuned_on_one_half() -> None:
    rng = np.random.default_rng(5)
    skill = rng.random((600, 1))
    score = (rng.random((600, 2)) < np.hstack([skill, 0.5 + 0.5 * skill])).astype(float)
    pool = Pool.of(["a", "b"], score=score, cost_usd=[1.0, 8.0])
    predicted = np.hstack([skill, 0.5 + 0.5 * skill])
    fit = np.arange(600) % 2 == 0
    result = evaluate_router(pool, predicted, fit=fit, of_best_frac=0.95)
    flipped = Pool.of(["a", "b"], score=np.where(fit[:, None], score, 1 - score), cost_usd=[1.0, 8.0])
    assert evaluate_router(flipped, predicted, fit=fit, of_best_frac=0.95).trade_ratio == result.trade_ratio
    assert 1.0 <= result.router_usd_per_request <= 8.0
    assert result.quality_frac > 0.6
    assert result.saving_vs_best_frac is not None


def test_bad_shapes() -> None:
    with pytest.raises(InputError, match="3 models"):
        Pool.of(["a", "b", "c"], score=SCORE, cost_usd=[1.0, 2.0])
    with pytest.raises(InputError, match="quality_per_usd"):
        route(SCORE, [1.0, 2.0], quality_per_usd=-1.0)
