"""The percentile of fast starts is NumPy's, to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tokonomics.workload.percentiles import percentile_value

samples = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e12, 1e12))


@given(sample=samples, percentile=st.floats(0, 100) | st.sampled_from([0.0, 50.0, 95.0, 99.0, 99.9, 100.0]))
def test_it_equals_numpy(sample, percentile):
    before = sample.copy()
    assert percentile_value(sample, percentile) == np.percentile(sample, percentile)
    assert np.array_equal(sample, before)


@given(sample=samples)
def test_the_fiftieth_is_the_median(sample):
    assert percentile_value(sample, 50.0) == pytest.approx(np.median(sample), rel=1e-12, abs=1e-12 * np.ptp(sample))


@given(sample=samples, lower=st.floats(0, 100), upper=st.floats(0, 100))
def test_it_rises_and_stays_within_the_sample(sample, lower, upper):
    low, high = (percentile_value(sample, one) for one in sorted((lower, upper)))
    slack = 1e-9 * np.ptp(sample)
    assert sample.min() - slack <= low <= high + slack <= sample.max() + 2 * slack
