"""The plan record and its file: what is written reads back, and what is wrong is said at once, with its line."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest

from tokonomics.errors import InputError
from tokonomics.policy.backend import ApiBackend, FleetBackend, ReplicaHour, ReplicaLevel, replicas_at
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.plan import CostRange, Expected, Plan, PlannedTraffic
from tokonomics.policy.plan_file import parse_plan, plan_from_mapping, plan_text, plan_to_mapping, read_plan
from tokonomics.policy.record import Policy

FLEET = FleetBackend(
    name="base",
    model="llama-3.1-8b",
    precision="fp8",
    engine="vllm",
    accelerator="h100-sxm",
    provider="runpod",
    purchase="on_demand",
    num_replicas=3,
    usd_per_gpu_hour=2.5,
    hours=(ReplicaHour(hour_of_week=8, num_replicas=3), ReplicaHour(hour_of_week=20, num_replicas=1)),
)
API = ApiBackend(
    name="burst",
    endpoint="openai/gpt",
    input_usd_per_mtok=0.25,
    output_usd_per_mtok=2.0,
    price_as_of="2026-11-01",
    price_source="somewhere",
)
EXPECTED = Expected(
    month=CostRange(expected_usd=5475.0, p10_usd=5000.0, p90_usd=6000.0),
    allocation=CostRange(expected_usd=0.4),
    usage=CostRange(expected_usd=0.2),
    num_gpus=3,
    api_frac=0.01,
    is_replayed=True,
    ttft_p95_s=0.4,
    slo_probability=0.9,
)
PLAN = Plan(
    family="hybrid",
    policy=Policy(overflow=OverflowPolicy(backend="burst", enter_ttft_s=1.0)),
    expected=EXPECTED,
    traffic=PlannedTraffic(
        name="chat", requests_per_s=10.0, peak_requests_per_s=15.0, mean_input_tokens=1155.0, mean_output_tokens=211.0
    ),
    fleets=(FLEET,),
    apis=(API,),
    slo="ttft_p95=1s",
    reasons=("one replica more: ttft_p95 was 1.2 s",),
    planned_on=date(2026, 11, 23),
    catalogue_snapshot="2026-11-23",
    catalogue_digest="ab" * 32,
    seed=0,
    tokonomics_version="0.1",
    scenario={"models": ["llama-3.1-8b"], "traffic": {"preset": "chat", "requests_per_s": 10.0}},
)


def levels(*numbers):
    return tuple(ReplicaLevel(up_to_requests_per_s=rate, num_replicas=num, time_frac=0.5) for rate, num in numbers)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, fleets=(replace(FLEET, hours=(), levels=levels((5.0, 1), (15.0, 3))),)),
        replace(PLAN, family="all-api", fleets=(), policy=Policy(), slo=""),
    ],
)
def test_a_plan_reads_back_and_is_written_to_the_same_bytes(plan, tmp_path):
    text = plan_text(plan)
    assert parse_plan(text, "plan.yaml") == plan
    assert plan_text(parse_plan(text, "plan.yaml")) == text
    assert plan_from_mapping(json.loads(json.dumps(plan_to_mapping(plan)))) == plan
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    assert read_plan(path) == plan


def test_the_file_begins_with_its_schema_and_has_no_tags():
    assert plan_text(PLAN).startswith("schema: tokonomics/plan/1\nfamily: hybrid\n")
    assert "!" not in plan_text(PLAN)


def test_every_violation_comes_at_once_with_line_and_column():
    text = plan_text(PLAN).replace("num_replicas: 3\n  usd", "num_replicas: -3\n  usd").replace("seed: 0", "seed: x")
    text = text.replace("purchase: on_demand", "purchase: stolen").replace(
        "family: hybrid\n", "family: hybrid\nfoo: 1\n"
    )
    with pytest.raises(InputError) as caught:
        parse_plan(text, "p.yaml")
    said = caught.value.violations
    line_of = {
        words: f"p.yaml:{1 + text[: text.index(words)].count(chr(10))}:" for words in ("foo:", "stolen", "seed: x")
    }
    assert any(one.startswith(line_of["seed: x"]) and "plan.seed='x'" in one for one in said)
    assert any(one.startswith(line_of["stolen"]) and "plan.fleets[0].purchase='stolen'" in one for one in said)
    assert any("unknown key 'foo'" in one for one in said)
    assert any("plan.fleets[0].num_replicas=-3" in one for one in said)


@pytest.mark.parametrize(
    "key", sorted(set(plan_to_mapping(PLAN)) - {"schema", "fleets", "apis", "slo", "reasons", "scenario"})
)
def test_what_a_plan_must_have_is_missed(key):
    held = plan_to_mapping(PLAN)
    del held[key]
    with pytest.raises(InputError) as caught:
        plan_from_mapping(held)
    assert f"plan.{key}=missing" in str(caught.value)


@pytest.mark.parametrize("key", list(plan_to_mapping(PLAN)))
@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [3], [[]], {"a": 1}, float("nan"), True])
def test_any_value_in_any_key_is_read_or_refused_in_a_sentence(key, value):
    said = ()
    try:
        plan_from_mapping({**plan_to_mapping(PLAN), key: value})
    except InputError as error:
        said = error.violations
    assert all(one.startswith("plan") for one in said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "holds no keys"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object:os.system 1", "tag"),
        ("a: [", "no YAML"),
        ("schema: tokonomics/plan/9", "plan.schema='tokonomics/plan/9'"),
    ],
)
def test_what_is_no_plan_is_refused(text, words):
    with pytest.raises(InputError) as caught:
        parse_plan(text, "p.yaml")
    assert words in str(caught.value)


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(InputError, match="larger than"):
        read_plan(tmp_path / "big.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"family: \xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_plan(tmp_path / "latin.yaml")


def test_backends_have_names_of_their_own_and_the_policy_names_them():
    assert list(PLAN.backends) == ["base", "burst"]
    with pytest.raises(InputError, match="'base' twice"):
        replace(PLAN, apis=(API, replace(API, name="base")))
    with pytest.raises(InputError, match="backend or more"):
        replace(PLAN, fleets=(), apis=(), policy=Policy())
    with pytest.raises(InputError, match="overflow.backend='burst'"):
        replace(PLAN, apis=())
    tiers = (CascadeTier(backend="base", accept_confidence_frac=0.5), CascadeTier(backend="large"))
    with pytest.raises(InputError, match="cascade names 'large'"):
        replace(PLAN, policy=Policy(cascade=CascadePolicy(tiers=tiers)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_replicas": 2}, "limit=3, the most"),
        ({"hours": FLEET.hours[::-1]}, "do not rise"),
        ({"levels": levels((5.0, 3))}, "both given"),
        ({"tensor_parallel": 0}, "tensor_parallel=0"),
        ({"usd_per_gpu_hour": float("nan")}, "usd_per_gpu_hour=nan"),
        ({"usd_per_gpu_hour": 10**400}, "limit=0 to 1e+06"),
        ({"expert_parallel": 1}, "expert_parallel=1"),
        ({"region": {"a": 1}}, "region={'a': 1}"),
        ({"instance": 5}, "instance=5"),
        ({"price_as_of": (1, 2)}, "price_as_of=(1, 2)"),
        ({"price_source": None}, "price_source=None"),
    ],
)
def test_a_fleet_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(InputError) as caught:
        replace(FLEET, **changes)
    assert words in str(caught.value)


def test_a_range_holds_what_is_expected():
    assert CostRange(expected_usd=5.0, p10_usd=5.0 * (1 + 1e-12), p90_usd=5.0).p90_usd == 5.0
    for ends in ({"p10_usd": 6.0}, {"p90_usd": 4.0}, {"p10_usd": 4.0, "p90_usd": 3.0}):
        with pytest.raises(InputError, match="rising order"):
            CostRange(expected_usd=5.0, **ends)


def test_a_whole_number_that_nothing_can_hold_is_said_in_one_sentence():
    text = plan_text(PLAN).replace("num_gpus: ", f"num_gpus: 0x{'f' * 5000} # ", 1)
    with pytest.raises(InputError) as caught:
        parse_plan(text, "p.yaml")
    (words,) = caught.value.violations
    assert "plan.expected.num_gpus='0xfff" in words
    assert len(words) < 250


def test_replicas_by_level_follow_the_load():
    fleet = replace(FLEET, hours=(), levels=levels((5.0, 1), (15.0, 3)))
    assert [replicas_at(fleet, 0, rate) for rate in (0.0, 5.0, 5.1, 15.0, 99.0)] == [1, 1, 3, 3, 3]
    assert replicas_at(replace(FLEET, hours=()), 5, 1.0) == 3
    assert (fleet.gpus_per_replica, replace(fleet, tensor_parallel=4).num_gpus) == (1, 12)


def test_importing_the_plan_is_light():
    code = "import sys; import tokonomics.policy.plan_file; print({'numpy', 'pydantic', 'duckdb', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("set()", "{'pydantic'}")  # the sentences of scenarios know pydantic's errors
