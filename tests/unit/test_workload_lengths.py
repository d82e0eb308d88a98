import math

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.lengths import NUM_LENGTHS, histogram_tokens, shuffled, skewed_tokens


@pytest.mark.parametrize(
    ("mean", "median", "most"),
    [(1155, 1020, 14050), (211, 129, 1000), (1268, 181, 65536), (15, 3, math.inf), (2588, 2730, 4096)],
)
def test_mean_and_median_are_those_asked_for(mean, median, most):
    sample = skewed_tokens(mean, median, most)
    assert sample.shape == (NUM_LENGTHS,)
    assert sample.mean() == pytest.approx(mean, rel=0.02)
    assert np.median(sample) == pytest.approx(median, rel=0.02)
    assert sample.min() >= 1.0
    assert sample.max() <= most
    assert (np.diff(sample) >= 0).all()
    assert (sample == np.rint(sample)).all()


def test_sigma_is_near_the_textbook_value_where_nothing_is_clipped():
    sample = skewed_tokens(1155, 1020)
    assert np.log(sample).std() == pytest.approx(math.sqrt(2 * math.log(1155 / 1020)), rel=0.02)


def test_no_median_is_a_constant():
    assert skewed_tokens(2000, None).tolist() == [2000.0]
    assert set(skewed_tokens(100, 100)) == {100.0}


def test_a_tail_towards_short_requests_needs_a_maximum():
    with pytest.raises(InputError, match="give the maximum length"):
        skewed_tokens(100, 120)


def test_an_impossible_shape_is_refused():
    with pytest.raises(InputError, match="fit no lognormal"):
        skewed_tokens(900, 10, 1000)


def test_histogram_tokens_stay_in_their_bins_in_proportion():
    low, high, weight = np.array([8.0, 1.0, 100.0]), np.array([10.0, 2.0, 200.0]), np.array([1.0, 2.0, 1.0])
    sample = histogram_tokens(low, high, weight, num=400)
    assert (sample == 1.0).sum() == 200
    assert ((sample == 8.0) | (sample == 9.0)).sum() == 100
    assert sample[sample >= 100].mean() == pytest.approx(149.5, abs=1.0)


def test_shuffles_are_permutations_without_rank_correlation():
    ramp = np.arange(float(NUM_LENGTHS))
    streams = [shuffled(ramp, stream) for stream in range(5)]
    for one in streams:
        assert sorted(one) == ramp.tolist()
    correlation = np.corrcoef(streams) - np.eye(5)
    assert np.abs(correlation).max() < 0.02
