"""Scores from predictions with known errors."""

import csv
from io import StringIO

import pytest

from tokonomics.measure.accuracy import GROUPINGS, group_scores, judged, scores, worst_groups
from tokonomics.measure.corpus import Measurement, parse_corpus
from tokonomics.measure.gaps import gaps
from tokonomics.measure.predict import METRICS, Prediction
from tokonomics.measure.predictions_file import COLUMNS, predictions_csv
from tokonomics.report.accuracy_view import accuracy_dict, accuracy_view


def measured(**cells: str) -> Measurement:
    cells = {"source_id": "a", "model": "m", "gpu": "g", "engine": "vllm", "mode": "rate"} | cells
    return parse_corpus(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")[0]


def pair(
    actual: float, value: float | None, *, exclusion: str = "", reason: str = "", model: str = "m", **cells: str
) -> Prediction:
    return Prediction(
        measurement=measured(output_tok_s_total=str(actual), **cells),
        model=model,
        accelerator="g",
        precision="bf16",
        engine="vllm",
        exclusion=exclusion,
        reason=reason,
        output_tokens_per_s=value,
    )


def test_errors_are_relative_to_the_measurement():
    (score,) = scores([pair(100, 110), pair(100, 80), pair(100, 150)])
    assert score.metric == "output_tokens_per_s"
    assert (score.num_rows, score.num_predicted) == (3, 3)
    assert score.mdape_frac == pytest.approx(0.2)
    assert score.bias_frac == pytest.approx(0.1)
    assert score.p90ape_frac == pytest.approx(0.2 + 0.8 * 0.3)


def test_a_perfect_model_scores_zero():
    (score,) = scores([pair(5, 5), pair(7, 7)])
    assert (score.mdape_frac, score.p90ape_frac, score.bias_frac) == (0.0, 0.0, 0.0)


def test_rows_without_a_prediction_count_but_do_not_err():
    (score,) = scores([pair(100, 110), pair(100, None, reason="why"), pair(100, None, reason="why", model="")])
    assert (score.num_rows, score.num_known, score.num_predicted) == (3, 2, 1)
    assert score.predicted_frac == pytest.approx(1 / 3)
    assert score.predicted_of_known_frac == pytest.approx(1 / 2)
    assert score.mdape_frac == pytest.approx(0.1)


def test_a_group_without_any_prediction_has_no_error():
    (score,) = scores([pair(100, None, reason="why", model="")])
    assert (score.mdape_frac, score.p90ape_frac, score.bias_frac, score.predicted_of_known_frac) == (None,) * 4


def test_coverage_is_none_while_there_are_no_intervals():
    assert scores([pair(1, 1)])[0].coverage_10_90_frac is None


def test_a_metric_that_nobody_measured_has_no_score():
    assert [score.metric for score in scores([pair(1, 1)])] == ["output_tokens_per_s"]
    assert scores([]) == ()


def test_excluded_rows_are_a_group_of_their_own():
    rows = [pair(100, 110), pair(100, 900, exclusion="suspicious")]
    assert judged(rows) == (rows[0],)
    groups = group_scores(rows)
    assert all(group.score.num_rows == 1 for group in groups)
    (excluded,) = [group for group in groups if group.by == "exclusion"]
    assert (excluded.value, excluded.score.mdape_frac) == ("suspicious", pytest.approx(8.0))


def test_every_grouping_adds_up_to_the_whole():
    rows = [pair(100, 110, source_id=name, mode=mode) for name in "abc" for mode in ("rate", "batch")]
    groups = group_scores(rows)
    for by in GROUPINGS:
        assert sum(group.score.num_rows for group in groups if group.by == by) == 6
    assert [group.value for group in groups if group.by == "source"] == ["a", "b", "c"]


def test_the_worst_group_comes_first_and_small_ones_do_not_count():
    bad = [pair(100, 300, source_id="bad")] * 10
    good = [pair(100, 101, source_id="good")] * 10
    tiny = [pair(100, 9000, source_id="tiny")] * 9
    assert [group.value.split(",")[0] for group in worst_groups([*good, *bad, *tiny])] == ["bad", "good"]


def test_every_gap_has_a_line_and_a_reason():
    rows = [pair(100, None, reason="no such part"), pair(100, None), pair(100, 100)]
    first, second = gaps(rows)
    assert (first.line, first.metric, first.reason) == (2, "output_tokens_per_s", "no such part")
    assert second.reason == "mode rate gives no output_tokens_per_s from what the row states"


def test_predictions_are_written_in_order_with_empty_cells():
    text = predictions_csv([pair(100, 123.4567), pair(100, None, reason="a, b")])
    first, second = csv.DictReader(StringIO(text))
    assert tuple(first) == COLUMNS
    assert (first["output_tokens_per_s"], first["measured_output_tokens_per_s"]) == ("123.457", "100")
    assert (second["output_tokens_per_s"], second["reason"]) == ("", "a, b")
    assert first["ttft_s"] == ""


def test_the_document_has_the_promised_keys():
    body = accuracy_dict([pair(100, 110), pair(100, None, reason="why")])
    promised = {"metric", "rows", "predicted", "mdape", "p90ape", "bias", "coverage_10_90"}
    assert promised <= set(body["overall"][0])
    assert promised | {"by", "value"} <= set(body["groups"][0])
    assert body["overall"][0]["predicted"] == 0.5
    assert body["unpredicted"] == [{"line": 2, "source_id": "a", "metric": "output_tokens_per_s", "reason": "why"}]


def test_the_view_says_that_it_judges_in_sample_and_why_rows_are_missing():
    view = accuracy_view([pair(100, 110), pair(100, None, reason="why")], "mine.csv")
    assert "mine.csv: 2 measurements" in view.headline[0]
    assert any("in sample" in note for note in view.notes)
    assert view.tables[-1].rows == [(1, "why")]


def test_the_metrics_are_fields_of_both_sides():
    one = pair(1, 1)
    assert all(hasattr(one, name) and hasattr(one.measurement, name) for name in METRICS)
