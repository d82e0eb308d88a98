import math

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.slo import METRICS, Slo, SloLimit, parse_slo


def test_reads_the_example_of_the_manual():
    slo = parse_slo("ttft_p95=1s,itl_p95=50ms")
    assert slo.limits == (
        SloLimit(metric="ttft", percentile=95, limit_s=1.0),
        SloLimit(metric="itl", percentile=95, limit_s=0.05),
    )


@pytest.mark.parametrize(
    ("text", "limit_s"),
    [
        ("ttft_p95<=0.5", 0.5),
        ("ttft_p95 <= 0.5", 0.5),
        ("ttft_p95≤500ms", 0.5),
        ("TTFT_P95 = 500 MS", 0.5),
        ("ttft_p95_s <= 0.5", 0.5),
        ("ttft_p95_ms=500", 0.5),
        ("ttft_p95_ms=0.5s", 0.5),
        ("ttft_p95<5e-1s", 0.5),
    ],
)
def test_units_and_signs(text, limit_s):
    (limit,) = parse_slo(text).limits
    assert (limit.metric, limit.percentile) == ("ttft", 95.0)
    assert limit.limit_s == pytest.approx(limit_s)


@pytest.mark.parametrize("stat", ["p50", "p90", "p95", "p99", "p99.9", "mean"])
@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_with_every_usual_statistic(metric, stat):
    slo = parse_slo(f"{metric}_{stat}=2s")
    assert slo.limits[0].name == f"{metric}_{stat}"
    assert parse_slo(str(slo)) == slo


@pytest.mark.parametrize("text", ["ttft=1s", "itl<=50ms", "e2e=3"])
def test_a_limit_without_percentile_is_refused_with_the_way_out(text):
    metric = text[:3] if not text.startswith("ttft") else "ttft"
    with pytest.raises(InputError, match=f"names no percentile.*{metric}_p95"):
        parse_slo(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "slo is empty"),
        (" , ;", "slo is empty"),
        ("ttft_p95", "is not metric_percentile=limit"),
        ("ttft_p95=1s=2s", "is not metric_percentile=limit"),
        ("ttft_p95=1s,,itl_p95=1s", "is not metric_percentile=limit"),
        ("ttft_p95=fast", "is not a time"),
        ("ttft_p95=1h", "is not a time"),
        ("ttft_p95=", "is not metric_percentile=limit"),
        ("ttft_p95=0", "limit=above 0"),
        ("ttft_p95=-1s", "limit=above 0"),
        ("ttft_p95=nan", "limit=above 0"),
        ("ttft_p95=inf", "limit=above 0"),
        ("ttft_p95=1e9s", "at most 2592000 s"),
        ("ttft_p95=1.2.3s", "'1.2.3' is not a number"),
        ("ttft_p1.2.3=1s", "'1.2.3' is not a number"),
        ("ttft_p0=1s", "percentile=0.0; limit=above 0 and below 100"),
        ("ttft_p100=1s", "percentile=100.0"),
        ("tpot_p95=50ms", "did you mean itl"),
        ("tttf_p95=1s", "did you mean ttft"),
        ("rate_p95=1s", "known: ttft, itl, e2e"),
        ("p95_ttft=1s", "unknown metric|not a metric"),
        ("ttft_p95=1s,ttft_p95.0=2s", "limits ttft_p95 more than once"),
    ],
)
def test_what_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        parse_slo(text)


def test_all_violations_at_once():
    with pytest.raises(InputError) as caught:
        parse_slo("ttft=1s, tpot=fast, itl_p95=-3, e2e_p99=9s, e2e_p99=8s")
    said = caught.value.violations
    assert len(said) == 6
    assert [part in text for part, text in zip(["names no", "unknown metric", "names no"], said)] == [True] * 3
    assert "not a time" in said[3]
    assert "limit=-3.0 s" in said[4]
    assert "more than once" in said[5]


def test_a_record_checks_itself_too():
    with pytest.raises(InputError) as caught:
        SloLimit(metric="speed", percentile=math.nan, limit_s=math.inf)
    assert len(caught.value.violations) == 3
    with pytest.raises(InputError, match="percentile=p95"):
        SloLimit(metric="ttft", percentile="p95", limit_s=1.0)  # type: ignore[arg-type]
    one = SloLimit(metric="ttft", percentile=95, limit_s=1.0)
    with pytest.raises(InputError, match="more than once"):
        Slo(limits=(one, one))


def test_an_slo_may_demand_nothing():
    assert str(Slo(limits=())) == ""
    assert Slo(limits=()).limits_of("ttft") == ()


def test_limits_of_a_metric_keep_their_order():
    slo = parse_slo("ttft_p99=2s,itl_p95=50ms,ttft_p50=100ms")
    assert [limit.percentile for limit in slo.limits_of("ttft")] == [99.0, 50.0]


def test_measured_statistics():
    sample = np.array([1.0, 1.0, 1.0, 1.0, 11.0])
    assert SloLimit(metric="e2e", percentile="mean", limit_s=1).measured_s(sample) == 3.0
    assert SloLimit(metric="e2e", percentile=50, limit_s=1).measured_s(sample) == 1.0
    assert SloLimit(metric="e2e", percentile=99, limit_s=1).measured_s(sample) == pytest.approx(10.6)


@pytest.mark.parametrize(
    ("limit_s", "text"),
    [(1.0, "ttft_p95=1s"), (0.05, "ttft_p95=50ms"), (0.0005, "ttft_p95=0.5ms"), (1.5, "ttft_p95=1.5s")],
)
def test_text_is_what_a_person_would_write(limit_s, text):
    assert str(SloLimit(metric="ttft", percentile=95, limit_s=limit_s)) == text
