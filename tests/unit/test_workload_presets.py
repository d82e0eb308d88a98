import math

import numpy as np
import pytest

from tokonomics.errors import InputError, UnknownName
from tokonomics.workload.presets import preset, presets

ARTICLE = {
    "short-qa": (100, 50),
    "summarisation": (5000, 500),
    "code-2k": (2000, 2000),
    "reasoning-20k": (1000, 20000),
}
FITTED = ["chat", "rag", "code", "summarise", "reasoning", "batch"]


@pytest.mark.parametrize("name", presets())
def test_sample_means_are_those_of_the_table_within_two_percent(name):
    row, traffic = presets()[name], preset(name, 3.0)
    assert traffic.mean_input_tokens == pytest.approx(row.input_mean_tokens, rel=0.02)
    assert traffic.mean_output_tokens == pytest.approx(row.output_mean_tokens, rel=0.02)
    for median, sample in (
        (row.input_median_tokens, traffic.input_tokens),
        (row.output_median_tokens, traffic.output_tokens),
    ):
        if median is not None:
            assert np.median(sample) == pytest.approx(median, rel=0.02)


@pytest.mark.parametrize("name", presets())
def test_every_row_has_a_source_a_date_and_a_status(name):
    row, traffic = presets()[name], preset(name, 1.0)
    assert row.status in ("published", "assumed")
    assert row.as_of[:2] == "20"
    assert len(row.source) > 20
    assert row.source in traffic.source
    assert row.status in traffic.source


@pytest.mark.parametrize("name", presets())
def test_samples_are_the_same_every_time(name):
    assert preset(name, 1.0).input_tokens.tolist() == preset(name, 5.0).input_tokens.tolist()


@pytest.mark.parametrize("name", FITTED)
def test_input_and_output_are_uncorrelated(name):
    traffic = preset(name, 1.0)
    ranks = [np.argsort(np.argsort(one)) for one in (traffic.input_tokens, traffic.output_tokens)]
    assert traffic.input_tokens.size == 2048
    assert abs(np.corrcoef(ranks)[0, 1]) < 0.03


def test_the_presets_of_the_brief_exist():
    assert set(FITTED) | set(ARTICLE) <= set(presets())


@pytest.mark.parametrize(("name", "lengths"), ARTICLE.items())
def test_the_article_presets_are_constants(name, lengths):
    traffic = preset(name, 1.0)
    assert (traffic.input_tokens.tolist(), traffic.output_tokens.tolist()) == ([lengths[0]], [lengths[1]])
    assert "constant lengths" in traffic.source


def test_what_a_source_does_not_say_is_said():
    said = preset("chat", 1.0).source
    assert "no prefix reuse credited" in said
    assert "no reasoning assumed" in said
    assert "Poisson" not in said
    assert "peak at the mean assumed" in preset("agent", 1.0).source


def test_peak_and_shares_come_from_the_table():
    chat, reasoning = preset("chat", 10.0), preset("reasoning", 10.0)
    assert chat.peak_requests_per_s == pytest.approx(15.3)
    assert (chat.peak_window_s, chat.arrival_cv) == (60.0, 1.09)
    assert reasoning.reasoning_frac == 0.7
    assert preset("batch", 10.0).arrival_cv == 0.0
    assert preset("long-chat", 1.0).cached_input_frac == 0.374


def test_an_unknown_preset_names_its_neighbours():
    with pytest.raises(UnknownName, match="sumarise") as caught:
        preset("sumarise", 1.0)
    assert caught.value.nearest[0] == "summarise"


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_preset_needs_a_rate(rate):
    with pytest.raises(InputError, match="requests_per_s="):
        preset("chat", rate)
