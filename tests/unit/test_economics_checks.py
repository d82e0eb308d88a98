"""The collector of violations, and the rows behind the defaults."""

import math

import numpy as np
import pytest

from tokonomics.economics.figures.assumptions import assumed_values, assumptions, read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import InputError, UnknownName


def test_a_clean_list_raises_nothing() -> None:
    Checks().positive(a_usd=1.0).non_negative(b_usd=0.0).fraction(c_frac=1.0).share(d_frac=0.5).count(0, e=0).done()
    Checks().positive(a_usd=None).count(1, b=None).done()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, "7", True, None.__class__])
def test_what_is_no_plain_number(value: object) -> None:
    with pytest.raises(InputError, match="x_usd="):
        Checks().non_negative(x_usd=value).done()  # type: ignore[arg-type]


def test_numpy_scalars_are_numbers() -> None:
    Checks().positive(x_usd=float(np.float64(2.0))).count(1, n=np.int64(3)).done()  # type: ignore[arg-type]
    Checks().positive(x_usd=np.float32(2.0)).done()  # type: ignore[arg-type]


def test_counts_are_whole() -> None:
    with pytest.raises(InputError, match="whole number, 1 or more"):
        Checks().count(1, num_gpus=1.5).done()  # type: ignore[arg-type]


def test_all_violations_in_one_error() -> None:
    checks = Checks().positive(a_usd=0.0).share(b_frac=0.0).at_least(2, c=1).that(False, "d is wrong; fix d")
    with pytest.raises(InputError) as caught:
        checks.done()
    assert len(caught.value.violations) == 4
    assert caught.value.exit_code == 2


def test_unknown_topic_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="on_prem"):
        assumptions("onprem")


def test_every_default_has_a_date_a_source_and_a_standing() -> None:
    for row in read_table("assumptions"):
        assert row["as_of"]
        assert row["source"]
        assert row["status"] in {"assumed", "list"}


def test_a_range_holds_its_value() -> None:
    ops = assumptions("reference")["ops_usd_per_month"]
    assert ops.span == (5000.0, 20000.0)
    assert assumed_values("reference")["ops_usd_per_month"] == 5000.0
