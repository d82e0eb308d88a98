"""The scenario: its file, its checks, its round trip."""

import json
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokonomics.errors import InputError
from tokonomics.workload.scenario import Owned, Scenario, TrafficSpec
from tokonomics.workload.scenario_errors import Places, key_name
from tokonomics.workload.scenario_file import MAX_FILE_BYTES, load_scenario
from tokonomics.workload.scenario_yaml import MAX_DEPTH, read_yaml

LEAST = {"models": ["llama-3.3-70b"], "traffic": {"requests_per_s": 3, "input_tokens": 1500, "output_tokens": 300}}

FULL = """\
# a comment
models:
  - llama-3.3-70b
  - qwen3-32b
traffic:
  requests_per_s: 3.5
  input_tokens: 1500
  output_tokens: 300
  peak_ratio: 2
slo: ttft_p95=1s,itl_p95=50ms
gpus: [h100-sxm, l40s]
num_gpus: [1, 2]
precisions: [fp8]
kv_format: fp8
engine: vllm
providers: [acme]
regions: [eu-west]
purchase: spot
apis: [acme/big-model]
owned:
  - gpu: h100-sxm
    purchase_usd: 30000
    electricity_usd_per_kwh: 0.12
measured:
  - concurrency: 32
    tpot_ms: 16.5
cached_input_frac: 0.25
num_spare_replicas: 1
snapshot: "2026-11-01"
price_overrides: own.csv
today: 2026-11-23
simulation:
  num_replicas: 2
  overflow: acme/big-model
  overflow_ttft_s: 1.5
plan: {no_spot: true, min_slo_probability: 0.8}
"""


def with_traffic(**traffic) -> dict:
    return {"models": ["m"], "traffic": traffic}


def violations(raw: dict) -> list[str]:
    with pytest.raises(InputError) as caught:
        Scenario.from_dict(raw)
    return list(caught.value.violations)


def file_violations(path: Path, text: str, name: str = "tok.yaml") -> list[str]:
    (path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario(path / name)
    return [one.replace(f"{path}/", "") for one in caught.value.violations]


class TestRecord:
    def test_least(self):
        scenario = Scenario.from_dict(LEAST)
        assert scenario.models == ("llama-3.3-70b",)
        assert scenario.traffic.requests_per_s == 3.0
        assert scenario.purchase == "on_demand"
        assert scenario.gpus == ()

    def test_is_frozen(self):
        with pytest.raises(ValueError, match="frozen"):
            Scenario.from_dict(LEAST).engine = "sglang"

    @pytest.mark.parametrize("record", [Scenario, TrafficSpec, Owned])
    def test_every_key_is_described(self, record):
        mute = [key for key, field in record.model_fields.items() if not (field.description or "").endswith(".")]
        assert not mute

    @pytest.mark.parametrize(
        "traffic",
        [
            {"requests_per_s": 1.5, "input_tokens": 10, "output_tokens": 5},
            {"users": 100, "think_time_s": 30.0, "input_tokens": 10, "output_tokens": 5},
            {"tokens_per_month": 1e9, "input_tokens": 10, "output_tokens": 5},
            {"preset": "chat", "requests_per_s": 3},
            {"preset": "rag", "users": 10, "think_time_s": 0},
            {"trace": "t.csv"},
            {"trace": "t.csv", "skip_bad": True, "requests_per_s": 10},
        ],
    )
    def test_ways_to_state_traffic(self, traffic):
        stated = Scenario.from_dict(with_traffic(**traffic)).traffic.model_dump(exclude_defaults=True)
        assert stated == traffic

    @pytest.mark.parametrize(
        ("traffic", "sentence"),
        [
            ({}, "traffic has no lengths"),
            ({"requests_per_s": 1}, "traffic has no lengths"),
            ({"input_tokens": 1, "output_tokens": 1}, "traffic has no load"),
            ({"requests_per_s": 1, "input_tokens": 1}, "traffic has input_tokens without output_tokens"),
            ({"requests_per_s": 1, "output_tokens": 1}, "traffic has output_tokens without input_tokens"),
            ({"preset": "chat"}, "traffic has no load"),
            ({"preset": "chat", "trace": "t"}, "traffic has lengths from preset and trace; keep one"),
            ({"preset": "chat", "input_tokens": 1, "output_tokens": 1}, "input_tokens with output_tokens and preset"),
            (
                {"preset": "chat", "requests_per_s": 1, "tokens_per_month": 1e9},
                "traffic has loads from requests_per_s and tokens_per_month; keep one",
            ),
            ({"preset": "chat", "users": 5}, "traffic has users without think_time_s"),
            ({"preset": "chat", "think_time_s": 5}, "traffic has think_time_s without users"),
            ({"preset": "chat", "skip_bad": True}, "traffic has skip_bad without a trace"),
        ],
    )
    def test_combinations_that_do_not_add_up(self, traffic, sentence):
        assert any(sentence in one for one in violations(with_traffic(**traffic)))

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("requests_per_s", 0),
            ("requests_per_s", -1),
            ("requests_per_s", float("nan")),
            ("requests_per_s", float("inf")),
            ("requests_per_s", "3"),
            ("requests_per_s", True),
            ("requests_per_s", 1e7),
            ("input_tokens", 0),
            ("input_tokens", 1e12),
            ("output_tokens", 0.5),
            ("users", 0),
            ("users", 1.5),
            ("think_time_s", -1),
            ("tokens_per_month", 0),
            ("peak_ratio", 0.5),
            ("arrival_cv", -0.1),
            ("reasoning_frac", 1.5),
            ("preset", ""),
            ("trace", 3),
            ("skip_bad", "yes"),
        ],
    )
    def test_absurd_traffic_is_a_sentence_with_key_and_value(self, key, value):
        traffic = {"requests_per_s": 3, "input_tokens": 10, "output_tokens": 5} | {key: value}
        found = [one for one in violations(with_traffic(**traffic)) if one.startswith(f"traffic.{key}=")]
        assert len(found) == 1
        assert "limit=" in found[0] or "give " in found[0]

    @pytest.mark.parametrize(
        ("key", "value", "sentence"),
        [
            ("models", [], "models=[]; limit=at least 1"),
            ("models", "m", "models='m' is wrong; give a list"),
            ("models", ["m"] * 65, "limit=at most 64"),
            ("models", [3], "models[0]=3 is wrong; give text"),
            ("num_gpus", [0], "num_gpus[0]=0; limit=at least 1"),
            ("num_gpus", [True], "num_gpus[0]=True is wrong; give a whole number"),
            ("purchase", "lease", "purchase='lease' is wrong; give 'on_demand', 'spot' or 'reserved_1yr'"),
            ("slo", "ttft=1s", "ttft names no percentile"),
            ("slo", "ttft_p95=fast", "is not a time"),
            ("today", "tomorrow", "today='tomorrow' is wrong"),
            ("today", 20261123, "today=20261123 is wrong; give a date such as 2026-11-23"),
            ("cached_input_frac", 40, "cached_input_frac=40; limit=at most 1"),
            ("owned", [{"purchase_usd": 1}], "owned[0].gpu is missing; add it"),
            ("owned", [{"gpu": "x", "pue_factor": 0.9}], "owned[0].pue_factor=0.9; limit=at least 1"),
            ("owned", [{"gpu": "x", "purchase": 1}], "unknown key 'owned[0].purchase'; nearest: purchase_usd"),
            ("gpu", ["x"], "unknown key 'gpu'; nearest: gpus"),
            ("traffic", "chat", "traffic='chat' is wrong; give a block of keys"),
        ],
    )
    def test_wrong_values(self, key, value, sentence):
        assert any(sentence in one for one in violations(LEAST | {key: value}))

    def test_all_violations_at_once(self):
        raw = {"traffic": {"requests_per_s": -1, "preset": "chat", "trace": "t"}, "gpuz": [], "slo": "x,y_p95=1s"}
        found = "\n".join(violations(raw))
        for part in ("models is missing", "requests_per_s=-1", "preset and trace", "'gpuz'", "'x'", "metric 'y'"):
            assert part in found

    def test_messages_are_sentences_without_full_stop(self):
        for one in violations({"traffic": {"requests_per_s": -1, "x": 2}, "y": None, "num_gpus": "a"}):
            assert not one.endswith(".")
            assert "\n" not in one

    def test_long_values_are_cut(self):
        assert all(len(one) < 150 for one in violations(LEAST | {"engine": ["x" * 1000]}))


names = st.lists(st.text("abcdefghij-./0123456789", min_size=1, max_size=20), max_size=4).map(tuple)
lengths = {"input_tokens": st.floats(1, 1e8), "output_tokens": st.floats(1, 1e8)}
shapes = st.one_of(
    st.fixed_dictionaries(lengths),
    st.fixed_dictionaries({"preset": st.sampled_from(["chat", "rag"])}),
    st.fixed_dictionaries({"trace": st.just("t.csv"), "skip_bad": st.booleans()}),
)
loads = st.one_of(
    st.fixed_dictionaries({"requests_per_s": st.floats(1e-9, 1e6)}),
    st.fixed_dictionaries({"users": st.integers(1, 10**9), "think_time_s": st.floats(0, 1e7)}),
    st.fixed_dictionaries({"tokens_per_month": st.floats(1, 1e18)}),
)
owned = st.fixed_dictionaries(
    {"gpu": st.just("h100-sxm")},
    optional={"purchase_usd": st.floats(1, 1e6), "pue_factor": st.floats(1, 5), "resale_frac": st.floats(0, 1)},
)
measured = st.fixed_dictionaries(
    {"concurrency": st.integers(1, 10**6), "tpot_ms": st.floats(1e-3, 1e6)},
    optional={"ttft_ms": st.floats(1e-3, 1e6), "gpu": st.just("h100-sxm"), "num_gpus": st.integers(1, 1024)},
)
scenarios = st.fixed_dictionaries(
    {"models": names.filter(bool).map(list), "traffic": st.tuples(shapes, loads).map(lambda two: two[0] | two[1])},
    optional={
        "slo": st.sampled_from(["", "ttft_p95=1s", "itl_p50=50ms,e2e_mean=3s"]),
        "gpus": names.map(list),
        "num_gpus": st.lists(st.integers(1, 1024), max_size=4),
        "kv_format": st.sampled_from(["bf16", "fp8"]),
        "purchase": st.sampled_from(["on_demand", "spot", "reserved_1yr"]),
        "owned": st.lists(owned, max_size=3),
        "cached_input_frac": st.floats(0, 1),
        "num_spare_replicas": st.integers(0, 1024),
        "measured": st.lists(measured, max_size=3),
        "today": st.dates().map(date.isoformat),
    },
)


class TestRoundTrip:
    @given(scenarios)
    def test_dict(self, raw):
        scenario = Scenario.from_dict(raw)
        assert Scenario.from_dict(scenario.to_dict()) == scenario
        assert Scenario.from_dict(scenario.to_dict()).to_dict() == scenario.to_dict()

    @given(scenarios)
    def test_json(self, raw):
        scenario = Scenario.from_dict(raw)
        assert Scenario.from_dict(json.loads(json.dumps(scenario.to_dict(), allow_nan=False))) == scenario

    @given(scenarios)
    def test_keeps_every_value_given(self, raw):
        kept = Scenario.from_dict(raw).to_dict()
        assert (
            kept | {"traffic": kept["traffic"] | raw["traffic"], **{k: raw[k] for k in raw if k != "traffic"}} == kept
        )

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
    @given(scenarios)
    def test_result_file(self, tmp_path, raw):
        """A result echoes its scenario; the result itself is a scenario file."""
        scenario = Scenario.from_dict(raw)
        result = {"schema": "tokonomics/quote/1", "kind": "quote", "scenario": scenario.to_dict(), "options": []}
        (tmp_path / "result.json").write_text(json.dumps(result))
        assert load_scenario(tmp_path / "result.json") == scenario


class TestFile:
    def test_yaml_holds_every_key(self, tmp_path):
        (tmp_path / "tok.yaml").write_text(FULL)
        scenario = load_scenario(tmp_path / "tok.yaml")
        assert set(Scenario.model_fields) == scenario.model_fields_set
        assert scenario.today == date(2026, 11, 23)
        assert scenario.owned[0].purchase_usd == 30000.0
        assert scenario.price_overrides == str(tmp_path / "own.csv")

    def test_toml_says_the_same(self, tmp_path):
        (tmp_path / "a.yaml").write_text(FULL)
        (tmp_path / "a.toml").write_text(
            """
            models = ["llama-3.3-70b", "qwen3-32b"]
            slo = "ttft_p95=1s,itl_p95=50ms"
            gpus = ["h100-sxm", "l40s"]
            num_gpus = [1, 2]
            precisions = ["fp8"]
            kv_format = "fp8"
            engine = "vllm"
            providers = ["acme"]
            regions = ["eu-west"]
            purchase = "spot"
            apis = ["acme/big-model"]
            cached_input_frac = 0.25
            num_spare_replicas = 1
            snapshot = "2026-11-01"
            price_overrides = "own.csv"
            today = 2026-11-23
            [traffic]
            requests_per_s = 3.5
            input_tokens = 1500
            output_tokens = 300
            peak_ratio = 2
            [[owned]]
            gpu = "h100-sxm"
            purchase_usd = 30000
            electricity_usd_per_kwh = 0.12
            [[measured]]
            concurrency = 32
            tpot_ms = 16.5
            [simulation]
            num_replicas = 2
            overflow = "acme/big-model"
            overflow_ttft_s = 1.5
            [plan]
            no_spot = true
            min_slo_probability = 0.8
            """
        )
        assert load_scenario(tmp_path / "a.toml") == load_scenario(tmp_path / "a.yaml")

    def test_names_of_files_start_at_the_scenario_file(self, tmp_path):
        (tmp_path / "tok.yaml").write_text("models: [m]\ntraffic: {trace: data/t.csv}\n")
        assert load_scenario(tmp_path / "tok.yaml").traffic.trace == str(tmp_path / "data/t.csv")
        (tmp_path / "tok.yaml").write_text("models: [m]\ntraffic: {trace: /abs/t.csv}\n")
        assert load_scenario(tmp_path / "tok.yaml").traffic.trace == "/abs/t.csv"

    def test_every_mistake_has_its_line_and_column(self, tmp_path):
        text = "models: [m]\ntraffic:\n  preset: chat\n  requests_per_s: -3\n"
        text += "num_gpus: [1, 0]\ngpuz: [a]\ntoday: 2026-13-01\n"
        assert file_violations(tmp_path, text) == [
            "tok.yaml:4:3: traffic.requests_per_s=-3; limit=above 0",
            "tok.yaml:5:15: num_gpus[1]=0; limit=at least 1",
            "tok.yaml:6:1: unknown key 'gpuz'; nearest: gpus, num_gpus, purchase",
            "tok.yaml:7:1: today='2026-13-01' is wrong; month must be in 1..12",
        ]

    def test_a_missing_key_points_at_its_block(self, tmp_path):
        text = "models: [m]\ntraffic: {preset: chat, requests_per_s: 1}\nowned:\n  - purchase_usd: 3\n"
        assert file_violations(tmp_path, text) == ["tok.yaml:4:5: owned[0].gpu is missing; add it"]

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("models: [m\n", "tok.yaml:"),
            ("models: m: n\n", "tok.yaml:1:10"),
            ("\tmodels: [m]\n", "tok.yaml:1:1"),
            ("models: [m]\nmodels: [n]\n", "tok.yaml:2:1: models appears twice"),
            ("traffic:\n  preset: a\n  preset: b\n", "tok.yaml:3:3: traffic.preset appears twice"),
            ("a: 1\n---\nb: 2\n", "tok.yaml:2:1"),
            ("models: \x01\n", "tok.yaml: no YAML"),
            ("? [a]\n: b\n", "tok.yaml:1:3: a key is a list"),
            ("", "tok.yaml holds no keys"),
            ("just text\n", "tok.yaml holds no keys"),
            ("- a\n", "tok.yaml holds no keys"),
        ],
    )
    def test_what_is_no_scenario(self, tmp_path, text, place):
        (sentence,) = file_violations(tmp_path, text)
        assert sentence.startswith(place)
        assert "\n" not in sentence

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("a.toml", "models = [", "a.toml: no TOML: "),
            ("a.json", "{", "a.json: no JSON: "),
            ("a.json", '{"schema": "tokonomics/fit/1"}', "a.json holds no keys"),
            ("a.txt", "models: [m]", "a.txt ends in none of .yaml"),
        ],
    )
    def test_other_suffixes(self, tmp_path, name, text, sentence):
        assert file_violations(tmp_path, text, name)[0].startswith(sentence)

    def test_missing_file(self, tmp_path):
        with pytest.raises(InputError, match=r"cannot read .*No such file"):
            load_scenario(tmp_path / "none.yaml")

    def test_not_utf8(self, tmp_path):
        (tmp_path / "tok.yaml").write_bytes(b"models: [\xff]\n")
        with pytest.raises(InputError, match="not UTF-8 at byte 9"):
            load_scenario(tmp_path / "tok.yaml")

    def test_byte_order_mark_is_no_mistake(self, tmp_path):
        (tmp_path / "tok.yaml").write_bytes(b"\xef\xbb\xbfmodels: [m]\ntraffic: {preset: chat, requests_per_s: 1}\n")
        assert load_scenario(tmp_path / "tok.yaml").models == ("m",)


class TestHostileFile:
    def test_too_large(self, tmp_path):
        (sentence,) = file_violations(tmp_path, "# " + "x" * MAX_FILE_BYTES)
        assert "larger than 262,144 bytes" in sentence

    def test_alias_bomb(self, tmp_path):
        layers = ["a: &a [x,x,x,x,x,x,x,x,x]"]
        layers += [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
        (sentence,) = file_violations(tmp_path, "\n".join(layers))
        assert sentence == "tok.yaml:1:4: anchors and aliases are not accepted; write the value out"

    @pytest.mark.parametrize(
        "text",
        [
            "models: !!python/object/apply:os.system [touch hacked]\n",
            "models: !!python/name:os.system\n",
            "models: !custom [m]\n",
            "models: !!binary aGk=\n",
            "models: !!set {a, b}\n",
        ],
    )
    def test_tags_are_refused_and_nothing_runs(self, tmp_path, monkeypatch, text):
        monkeypatch.chdir(tmp_path)
        (sentence,) = file_violations(tmp_path, text)
        assert "is not accepted; write plain values" in sentence
        assert not (tmp_path / "hacked").exists()

    @pytest.mark.parametrize("opening", ["[", "{a: "])
    def test_deep_nesting(self, tmp_path, opening):
        started = time.perf_counter()
        (sentence,) = file_violations(tmp_path, "models: " + opening * 20_000)
        assert f"nested deeper than {MAX_DEPTH}" in sentence
        assert time.perf_counter() - started < 5

    def test_merge_keys_are_no_way_round(self, tmp_path):
        assert file_violations(tmp_path, "<<: {models: [m]}\ntraffic: {preset: chat, requests_per_s: 1}\n")

    @pytest.mark.parametrize("value", ["1e400", ".nan", "-.inf", "1" * 400, "0x" + "f" * 400])
    def test_numbers_beyond_all_bounds(self, tmp_path, value):
        (sentence,) = file_violations(tmp_path, f"models: [m]\ntraffic: {{preset: chat, requests_per_s: {value}}}\n")
        assert sentence.startswith("tok.yaml:2:25: traffic.requests_per_s=")

    @given(st.text(st.characters(codec="utf-8"), max_size=60))
    def test_any_text_is_read_or_refused(self, text):
        with suppress(InputError):
            read_yaml(text, "tok.yaml")


class TestPlaces:
    def test_nearest_known_place(self):
        places = Places(file="f", lines={("a",): (2, 3), ("a", 0): (4, 5)})
        assert places.of(("a", 0, "b")) == "f:4:5: "
        assert places.of(("a", 1)) == "f:2:3: "
        assert places.of(("z",)) == "f: "
        assert Places().of(("a",)) == ""

    def test_values_from_elsewhere_have_no_place(self):
        places = Places(file="f", lines={(): (1, 1), ("a",): (2, 3)}, elsewhere=frozenset({("a",)}))
        assert places.of(("a",)) == places.of(("a", 0)) == ""
        assert places.of(("b",)) == "f:1:1: "

    def test_key_name(self):
        assert key_name(()) == "scenario"
        assert key_name(("owned", 1, "gpu")) == "owned[1].gpu"


def test_schema_is_closed_and_names_units():
    schema = Scenario.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["models", "traffic"]
    assert "requests/s" in schema["$defs"]["TrafficSpec"]["properties"]["requests_per_s"]["description"]
