"""Routing data as tables of queries by models, and what is chosen on one half and judged on the other."""

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.economics.quality.router_eval import Pool
from tokonomics.economics.quality.routing_answer import answer_routing
from tokonomics.economics.quality.routing_data import ModelPrice, RoutingData, Selection, read_routing_data
from tokonomics.errors import InputError


def make_data(score, cost, confidence=None, topics=None):
    score = np.asarray(score, dtype=float)
    names = [f"m{i}" for i in range(score.shape[1])]
    return RoutingData(
        pool=Pool.of(names, score=score, cost_usd=cost),
        confidence_frac=np.full(score.shape, np.nan) if confidence is None else np.asarray(confidence, dtype=float),
        topics=np.array(topics if topics is not None else [""] * len(score)),
        topic_column="" if topics is None else "topic",
    )


def random_data(seed, *, confident):
    rng = np.random.default_rng(seed)
    score = (rng.random((60, 3)) < [0.5, 0.6, 0.9]).astype(float)
    trust = np.clip(score * 0.4 + rng.random((60, 3)) * 0.6, 0, 1) if confident else None
    return make_data(score, rng.random((60, 3)) * [0.1, 0.3, 1.0], trust, topics=rng.integers(0, 3, 60).astype(str))


def read(tmp_path, select, **selection):
    path = tmp_path / "answers.parquet"
    duckdb.sql(select).write_parquet(str(path))
    return read_routing_data(path, selection=Selection(**selection))


def test_rows_land_in_their_cells(tmp_path):
    data = read(
        tmp_path,
        "select * from (values ('q2','b',0.4,4.0,'y'), ('q1','a',0.1,1.0,'x'), ('q1','b',0.2,2.0,'x'),"
        " ('q2','a',0.3,3.0,'y')) t(query_id, model, score, cost_usd, dataset)",
    )
    assert data.pool.names == ("a", "b")
    assert data.pool.score_frac.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert data.pool.cost_usd.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert data.topics.tolist() == ["x", "y"]
    assert np.isnan(data.confidence_frac).all()
    assert not data.is_confident(0)


def test_a_selection_reads_one_dataset_and_some_models(tmp_path):
    select = """select d || i query_id, m model, d as dataset, 0.5 score, 1.0 cost_usd
                from range(5) t(i), (values ('a'), ('b'), ('c')) v(m), (values ('x'), ('y')) w(d)"""
    data = read(tmp_path, select, dataset="x", models=("a", "c"))
    assert data.pool.names == ("a", "c")
    assert data.pool.score_frac.shape == (5, 2)
    assert set(data.topics) == {"x"}


def test_a_price_is_no_negative_number():
    with pytest.raises(InputError, match="input_usd_per_mtok=-1"):
        ModelPrice(model="a", input_usd_per_mtok=-1.0)


def test_nothing_of_the_judged_half_leaks_into_the_choice():
    data = random_data(3, confident=True)
    first = answer_routing(data, rng=np.random.default_rng(7), levels=(0.9,), weak="m0", strong="m2")
    mask = np.zeros(60, dtype=bool)
    mask[np.random.default_rng(7).permutation(60)[:30]] = True
    spoiled = data.pool.score_frac.copy()
    spoiled[~mask] = 0.0
    other = make_data(spoiled, data.pool.cost_usd, data.confidence_frac, topics=data.topics)
    again = answer_routing(other, rng=np.random.default_rng(7), levels=(0.9,), weak="m0", strong="m2")
    assert again.thresholds_frac == first.thresholds_frac
    assert [way.models for way in again.ways[:2]] == [way.models for way in first.ways[:2]]
    assert again.ways[3].way_usd_per_request == first.ways[3].way_usd_per_request  # the same queries are escalated


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_laws_of_an_answer(seed, confident):
    answer = answer_routing(random_data(seed, confident=confident), rng=np.random.default_rng(seed))
    assert answer.kind == ("cascade" if confident else "router")
    assert answer.num_tuned + answer.num_judged == 60
    own, mixing, perfect = answer.curves
    assert own.area_frac <= perfect.area_frac + 1e-9
    assert 0 <= mixing.area_frac <= 1
    for level in (answer.ways[:5], answer.ways[5:]):
        best, _, _, chosen, ideal = level
        assert best.saving_frac == 0.0
        assert chosen.saving_frac <= ideal.saving_frac + 1e-9
        usd = chosen.way_usd_per_request
        assert chosen.saving_frac == pytest.approx(1 - usd / best.way_usd_per_request)


@pytest.mark.parametrize(("weak", "strong"), [("m9", ""), ("", "m9"), ("m2", "m2"), ("m0", "m2")])
def test_tiers_that_cannot_be(weak, strong):
    with pytest.raises(InputError):
        answer_routing(random_data(1, confident=False), rng=np.random.default_rng(0), weak=weak, strong=strong)


def test_equal_prices_have_no_area():
    answer = answer_routing(make_data(np.eye(2).repeat(10, axis=0), np.ones((20, 2))), rng=np.random.default_rng(0))
    assert [one.area_frac for one in answer.curves] == [None, None, None]


def test_one_query_is_too_few():
    with pytest.raises(InputError):
        answer_routing(make_data([[1.0, 0.0]], [[1.0, 2.0]]), rng=np.random.default_rng(0))
