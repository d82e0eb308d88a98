"""A user's own points: where they were taken, what is refused, what they change, and that nothing else changes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import tokonomics
from tokonomics.catalog.load import load_catalog
from tokonomics.economics.quoting.ask import ask as plain_ask
from tokonomics.economics.quoting.evidence_words import evidence_sentence
from tokonomics.errors import InputError, UnknownName
from tokonomics.measure.ask import ask, quote_for, scenario_evidence
from tokonomics.measure.calibration.problem import Problem
from tokonomics.measure.intervals import predicted_cases
from tokonomics.measure.own_points import UsualLengths, own_cases
from tokonomics.measure.posterior import posterior, shifted
from tokonomics.measure.predict import METRICS
from tokonomics.physics.calibration import calibration
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.traffic import traffic_from_rate

CATALOG = load_catalog()
TPOT = METRICS.index("tpot_s")
THREE = (
    {"concurrency": 4, "tpot_ms": 11.78},
    {"concurrency": 16, "tpot_ms": 13.19},
    {"concurrency": 32, "tpot_ms": 16.49},
)
"""Published for a Llama 70B in FP8 on four H100, 1,024 tokens in and out."""


def scenario(*points, **more):
    base = {
        "models": ["llama-3.3-70b"],
        "traffic": {"requests_per_s": 3.0, "input_tokens": 1024, "output_tokens": 1024},
        "gpus": ["h100-sxm"],
        "num_gpus": [4],
        "precisions": ["fp8"],
        "measured": list(points),
    }
    return Scenario.from_dict({**base, **more})


def cases(*points, **more):
    usual = UsualLengths(input_tokens=1000.0, cached_tokens=400.0, output_tokens=200.0)
    return own_cases(scenario(*points, **more), CATALOG, lambda: usual)


def with_evidence(case, told):
    dep = case.replica.deployment
    return replace(case, replica=replace(case.replica, deployment=replace(dep, evidence=told.at(dep.layout))))


def evidence(*points, **more):
    return scenario_evidence(scenario(*points, **more), CATALOG)


class TestWhereAPointWasTaken:
    def test_what_the_point_leaves_out_the_scenario_says(self):
        (case,) = cases({"concurrency": 8, "tpot_ms": 12.0}, kv_format="fp8", engine="sglang")
        dep = case.replica.deployment
        assert (dep.model.id, dep.name, dep.constants.engine) == ("llama-3.3-70b", "4x h100-sxm fp8", "sglang")
        assert dep.kv_element_bytes == 1.0
        assert (case.num_sequences, case.num_replicas, case.measurement.mode) == (8, 1, "concurrency")
        assert case.measurement.tpot_s == pytest.approx(0.012)

    def test_the_point_stands_over_the_scenario(self):
        point = {
            "concurrency": 8, "ttft_ms": 90.0, "model": "qwen3-32b", "gpu": "h200-sxm", "num_gpus": 2,
            "precision": "bf16", "engine": "vllm",
        }  # fmt: skip
        (case,) = cases(point, models=["llama-3.3-70b", "qwen3-32b"], gpus=["h100-sxm", "h200-sxm"])
        assert case.replica.deployment.name == "2x h200-sxm bf16"
        assert case.measurement.ttft_s == pytest.approx(0.09)

    def test_lengths_are_those_of_the_traffic_less_what_a_cache_holds(self):
        (case,) = cases({"requests_per_s": 2.0, "output_tokens_per_s": 400.0})
        assert (case.input_tokens, case.note.depth_tokens, case.output_tokens) == (600.0, 400, 200.0)
        assert (case.measurement.mode, case.measurement.offered_requests_per_s) == ("rate", 2.0)
        assert case.measurement.output_tokens_per_s == 400.0

    def test_stated_lengths_are_computed_whole(self):
        (case,) = cases({"concurrency": 1, "tpot_ms": 10.0, "input_tokens": 512.0})
        assert (case.input_tokens, case.note.depth_tokens, case.output_tokens) == (512.0, 0, 200.0)
        (case,) = cases({"concurrency": 1, "tpot_ms": 10.0, "input_tokens": 512.0, "output_tokens": 64.0})
        assert (case.input_tokens, case.output_tokens) == (512.0, 64.0)

    def test_the_fewest_accelerators_stand_in_for_a_number_that_nobody_states(self):
        (case,) = cases({"concurrency": 1, "tpot_ms": 30.0}, num_gpus=[], precisions=[])
        assert case.replica.deployment.name == "2x h100-sxm bf16"

    @pytest.mark.parametrize(
        ("point", "more", "words"),
        [
            ({}, {"gpus": []}, ["measured[0]: gpu is not stated", "names none", "gpu=NAME", "--gpu"]),
            ({}, {"gpus": ["h100-sxm", "l40s"]}, ["gpu is not stated", "h100-sxm, l40s"]),
            ({}, {"models": ["llama-3.3-70b", "qwen3-32b"]}, ["model is not stated", "llama-3.3-70b, qwen3-32b"]),
            ({}, {"num_gpus": [2, 4]}, ["num_gpus is not stated", "2, 4"]),
            ({}, {"precisions": ["bf16", "fp8"]}, ["precision is not stated", "bf16, fp8"]),
            ({"model": "qwen3-32b"}, {}, ["qwen3-32b is not in the scenario", "leave the point out"]),
            ({"gpu": "l40s"}, {}, ["l40s is not in the scenario", "--gpu"]),
            ({"engine": "sglang"}, {}, ["engine=sglang differs from vllm", "--engine"]),
            ({"gpu": "h100"}, {}, ["measured[0]: unknown gpu", "h100-sxm"]),
            ({"precision": "int4-awk"}, {}, ["int4-awq"]),
            ({"num_gpus": 1, "precision": "bf16"}, {}, ["does not fit"]),
        ],
    )
    def test_what_is_open_or_idle_is_refused(self, point, more, words):
        with pytest.raises(InputError) as refused:
            cases({"concurrency": 4, "tpot_ms": 12.0, **point}, **more)
        assert all(word in str(refused.value) for word in words), str(refused.value)

    def test_all_mistakes_come_at_once(self):
        with pytest.raises(InputError) as refused:
            cases({"concurrency": 4, "tpot_ms": 12.0, "gpu": "l40s"}, {"concurrency": 4, "tpot_ms": 1.0, "gpu": "zzz"})
        assert [one.partition(":")[0] for one in refused.value.violations] == ["measured[0]", "measured[1]"]

    def test_an_api_beside_the_model_leaves_no_doubt(self):
        assert cases({"concurrency": 4, "tpot_ms": 12.0}, models=["llama-3.3-70b", "openai/gpt-4o"])


class TestRecord:
    @pytest.mark.parametrize(
        ("point", "words"),
        [
            ({"tpot_ms": 9.0}, ["concurrency", "requests_per_s"]),
            ({"concurrency": 4, "requests_per_s": 1.0, "tpot_ms": 9.0}, ["give one of concurrency"]),
            ({"concurrency": 4}, ["tpot_ms", "ttft_ms", "output_tokens_per_s"]),
            ({"concurrency": 0, "tpot_ms": 9.0}, ["concurrency", "at least 1"]),
            ({"concurrency": 4, "tpot_ms": 0.0}, ["tpot_ms", "above 0"]),
            ({"concurrency": 4, "tpot_ms": float("nan")}, ["tpot_ms"]),
            ({"concurrency": 4, "tpot_ms": -1.0}, ["tpot_ms", "above 0"]),
            ({"concurrency": 4, "tpot_s": 0.01}, ["unknown key", "tpot_ms"]),
            ({"concurrency": 4.5, "tpot_ms": 9.0}, ["concurrency"]),
            ({"concurrency": 4, "tpot_ms": "fast"}, ["tpot_ms"]),
        ],
    )
    def test_a_wrong_point_is_refused_with_advice(self, point, words):
        with pytest.raises(InputError) as refused:
            scenario(point)
        assert "measured[0]" in str(refused.value)
        assert all(word in str(refused.value) for word in words), str(refused.value)

    def test_too_many_points(self):
        with pytest.raises(InputError, match="at most 64"):
            scenario(*({"concurrency": 4, "tpot_ms": 12.0},) * 65)


class TestAbsurd:
    @pytest.mark.parametrize(
        ("point", "words"),
        [
            ({"concurrency": 4, "tpot_ms": 1.178}, ["tpot_ms=1.178", "faster than the roofline", "speculative"]),
            ({"concurrency": 4, "tpot_ms": 117.8}, ["tpot_ms=117.8", "times off the", "limit=4.5 times", "num_gpus"]),
            ({"concurrency": 4, "output_tokens_per_s": 1e6}, ["output_tokens_per_s=1e+06", "roofline"]),
            ({"concurrency": 4, "output_tokens_per_s": 3.0}, ["output_tokens_per_s=3", "times off"]),
            ({"concurrency": 4, "ttft_ms": 60_000.0}, ["ttft_ms=6e+04", "check the unit"]),
        ],
    )
    def test_what_cannot_be_is_refused(self, point, words):
        with pytest.raises(InputError) as refused:
            evidence({"concurrency": 16, "tpot_ms": 13.19}, point)
        (sentence,) = refused.value.violations
        assert sentence.startswith("measured[1]: ")
        assert all(word in sentence for word in words), sentence

    def test_the_other_layout_is_no_roofline(self):
        """16.5 ms fit four accelerators and no two: a forgotten num_gpus is caught, not learnt from."""
        with pytest.raises(InputError, match="2x h100-sxm bf16"):
            evidence({"concurrency": 32, "tpot_ms": 16.5}, num_gpus=[], precisions=[])


class TestWhatChanges:
    def test_known_directions_are_what_the_points_tell_at_the_noise_of_the_corpus(self):
        """By Woodbury, in units of the prior: 1 - known' known = 1/(1 + information), of 0.35^2 of that in the shift."""
        found, fit = posterior(cases(*THREE), calibration()), calibration()
        features = cases(THREE[0])[0].replica.deployment.features
        prior = np.clip(fit.variance_link(features), 1e-12, 0.1)
        unit = np.sqrt(np.outer(prior, prior))
        of_layout = np.tile(np.eye(len(prior)), 3)  # the sum of what is of the group, of its format and of the layout
        covariance = of_layout @ found.covariance @ of_layout.T
        information = 0.35**2 * (np.linalg.inv(covariance) * unit - np.eye(len(prior)))
        known_frac = found.known_frac.sum(axis=1)
        left = np.eye(len(prior)) - known_frac.T @ known_frac
        np.testing.assert_allclose(left, np.linalg.inv(np.eye(len(prior)) + information), rtol=1e-6, atol=1e-9)
        assert len(found.known_frac) <= 3

    def test_predictions_with_evidence_are_those_of_the_posterior(self):
        told, fit = evidence(*THREE)[0], calibration()
        points = cases(*THREE)
        mine = [with_evidence(case, told) for case in points]
        found = posterior(own_cases(scenario(*THREE), CATALOG, _usual_1024), fit)
        np.testing.assert_allclose(told.shift_link, found.shift, atol=1e-12)
        moved = replace(found, shift=told.shift_link)
        np.testing.assert_allclose(
            predicted_cases(mine, fit).value_log[:, TPOT], shifted(points, fit, moved).predicted_log[:, TPOT]
        )

    def test_the_predictions_come_nearer_to_the_points(self):
        fit, points = calibration(), own_cases(scenario(*THREE), CATALOG, _usual_1024)
        measured = Problem(points).measured_log[:, TPOT]
        (told,) = evidence(*THREE)
        mine = [with_evidence(case, told) for case in points]
        before, after = (predicted_cases(group, fit).value_log[:, TPOT] for group in (points, mine))
        assert np.abs(after - measured).max() < np.abs(before - measured).max()

    def test_the_group_narrows_and_the_others_stay_to_the_byte(self):
        more = {"gpus": ["h100-sxm", "h200-sxm"], "models": ["llama-3.3-70b", "qwen3-32b"], "precisions": []}
        points = [
            {**point, "gpu": "h100-sxm", "model": "llama-3.3-70b", "num_gpus": 4, "precision": "fp8"} for point in THREE
        ]
        before, after = ask(scenario(**more)).to_dict(), ask(scenario(*points, **more)).to_dict()
        same, other = {}, {}
        for body, kept in ((before, same), (after, other)):
            for option in body["options"]:
                kept[(option["model"], option["accelerator"], option["precision"], option["provider"])] = option
        assert set(same) == set(other)
        for key, option in same.items():
            if key[:2] == ("llama-3.3-70b", "h100-sxm"):
                assert _width(other[key]) < _width(option)
            else:
                assert json.dumps(other[key]) == json.dumps(option)
        assert before["measured"] == []
        assert after["measured"][0]["num_points"] == 3

    def test_each_group_learns_from_its_own_points(self):
        more = {"gpus": ["h100-sxm", "h200-sxm"]}
        here = {"concurrency": 4, "tpot_ms": 11.78, "gpu": "h100-sxm"}
        there = {"concurrency": 4, "tpot_ms": 9.5, "gpu": "h200-sxm"}
        both, alone = evidence(here, there, **more), evidence(here, **more)
        assert [one.accelerator for one in both] == ["h100-sxm", "h200-sxm"]
        assert both[0].shift_link.tolist() == alone[0].shift_link.tolist()

    def test_the_answer_says_so(self):
        (told,) = evidence(*THREE)
        sentence = evidence_sentence(told)
        assert sentence.startswith(
            "llama-3.3-70b on h100-sxm in vllm: shifted by your 3 measurements of 4x h100-sxm fp8"
        )
        (effect,) = told.effects
        assert effect.sd_after_log < effect.sd_before_log
        assert f"TPOT {100 * (effect.change_ratio - 1):+.0f} %" in sentence
        assert "1 measurement of" in evidence_sentence(evidence(THREE[0])[0])

    def test_every_measured_metric_is_told(self):
        (told,) = evidence({"concurrency": 16, "tpot_ms": 13.0, "ttft_ms": 400.0, "output_tokens_per_s": 1150.0})
        assert [one.metric for one in told.effects] == ["output_tokens_per_s", "tpot_s", "ttft_s"]
        assert "TTFT" in evidence_sentence(told)


class TestOneFunction:
    def test_the_library_takes_points(self):
        kwargs = {"gpus": ["h100-sxm"], "num_gpus": [4], "precisions": ["fp8"], "measured": list(THREE)}
        block = {"requests_per_s": 3.0, "input_tokens": 1024, "output_tokens": 1024}
        by_keys = tokonomics.quote("llama-3.3-70b", block, **kwargs)
        by_traffic = quote_for("llama-3.3-70b", traffic_from_rate(3.0, 1024.0, 1024.0), **kwargs)
        by_scenario = ask(scenario(*THREE)).quote
        assert by_keys.to_dict() == by_traffic.to_dict() == by_scenario.to_dict()
        assert by_keys.evidence

    def test_without_points_it_is_the_plain_answer(self):
        assert ask(scenario()).to_dict() == plain_ask(scenario()).to_dict()

    def test_points_are_never_passed_over(self):
        with pytest.raises(InputError, match="measured points"):
            plain_ask(scenario(*THREE))

    def test_an_unknown_model_is_told_as_ever(self):
        with pytest.raises(UnknownName):
            ask(scenario(models=["llama-9"]))


def _usual_1024():
    return UsualLengths(input_tokens=1024.0, cached_tokens=0.0, output_tokens=1024.0)


def _width(option):
    found = option["usd_per_mtok_range"]["usage"]
    return math.log(found["p90"] / found["p10"])
