"""A load from a trace, and the load-duration curve as points."""

from pathlib import Path

import numpy as np
import pytest

from tokonomics.economics.build_or_buy.build_inputs import Found, gather_build_case
from tokonomics.economics.build_or_buy.duration_curve import load_duration
from tokonomics.economics.build_or_buy.hybrid_case import (
    answer_hybrid,
    explain_hybrid,
    hybrid_case,
    load_curve_points,
    token_demand_tokens_per_s,
)
from tokonomics.errors import InputError
from tokonomics.workload.trace import Trace
from tokonomics.workload.traces import read_trace

BUILD = gather_build_case({}, Found())


def written(tmp_path: Path, rows: list[tuple[float, int, int]]) -> Trace:
    path = tmp_path / "t.csv"
    path.write_text(
        "arrival_s,input_tokens,output_tokens\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    )
    return read_trace(path)


class TestDemand:
    def test_tokens_of_each_whole_window(self, tmp_path):
        trace = written(tmp_path, [(0, 10, 20), (5, 30, 0 + 1), (10, 100, 100), (25, 9, 9)])
        assert token_demand_tokens_per_s(trace, window_s=10.0).tolist() == pytest.approx([6.1, 20.0])

    def test_an_empty_window_is_zero_not_missing(self, tmp_path):
        trace = written(tmp_path, [(0, 10, 10), (31, 10, 10)])
        assert token_demand_tokens_per_s(trace, window_s=10.0).tolist() == pytest.approx([2.0, 0.0, 0.0])

    def test_a_table_of_rates_keeps_its_windows(self, shared_dir):
        trace = read_trace(shared_dir / "data" / "traces" / "servegen_reason_deepseek_r1_demand_10min.parquet")
        demand = token_demand_tokens_per_s(trace, window_s=60.0)
        assert demand.size == 144
        assert demand.mean() > 0

    @pytest.mark.parametrize("rows", [[(0, 1, 1), (1, 1, 1)], [(0, 1, 1), (19, 1, 1)]])
    def test_too_short_a_trace(self, tmp_path, rows):
        with pytest.raises(InputError, match="two windows"):
            token_demand_tokens_per_s(written(tmp_path, rows), window_s=10.0)


class TestCurve:
    def test_points_fall_from_the_peak_over_all_of_the_time(self):
        xs, ys = load_curve_points(load_duration(np.random.default_rng(0).random(5000)))
        assert xs == sorted(xs)
        assert ys == sorted(ys, reverse=True)
        assert xs[0] == pytest.approx(0)
        assert len(xs) <= 402

    def test_two_levels_keep_both(self):
        xs, ys = load_curve_points(load_duration([1.0, 4.0], weights=[0.75, 0.25]))
        assert xs == pytest.approx([0.0, 0.25, 0.25, 1.0])
        assert ys == [4.0, 4.0, 1.0, 1.0]


class TestAnswer:
    def test_the_rule_and_the_splits_are_of_the_same_case(self):
        case = hybrid_case(
            BUILD,
            {"peak_hours": 2.0, "steady_tokens_per_day": 1e9, "peak_tokens_per_day": 4e9},
            trace=None,
            window_s=60.0,
        )
        told = answer_hybrid(case, served_frac=0.8)
        assert told.rule.rule.served_frac >= 0.8
        assert [split.num_replicas for split in told.splits] == list(range(told.answer.pure_self_host.num_replicas + 1))
        assert explain_hybrid(told).value == told.answer.best.total_usd_per_month

    def test_a_fleet_of_its_own_peak_plays_no_part(self):
        case = hybrid_case(BUILD, {}, trace=None, window_s=60.0)
        assert not {"peak_ratio", "num_spare_replicas"} & set(case.inputs)
        assert case.inputs["peak_hours"].value == 4

    def test_many_replicas_are_thinned_but_keep_the_best(self):
        build = gather_build_case({"replica_tokens_per_s": 1.0, "gpu_usd_per_hour": 0.001}, Found())
        told = answer_hybrid(
            hybrid_case(build, {"steady_tokens_per_day": 2e8, "peak_tokens_per_day": 9e8}, trace=None, window_s=60.0),
            served_frac=0.5,
        )
        counts = [split.num_replicas for split in told.splits]
        assert len(counts) < 420
        assert {0, told.answer.best.num_replicas, told.answer.pure_self_host.num_replicas} <= set(counts)
