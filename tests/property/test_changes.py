"""What holds of any comparison, any set of limits, any comments, and any plan that is written down as commands."""

import re
import shlex
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError
from tokonomics.planning.deploy_files import TARGETS, deploy_text
from tokonomics.planning.deploy_fleet import served_fleets
from tokonomics.planning.diff import compare
from tokonomics.planning.limits import limits_from
from tokonomics.planning.outcome import Outcome
from tokonomics.planning.subject import Subject
from tokonomics.planning.verdicts import judge
from tokonomics.policy.backend import FleetBackend
from tokonomics.policy.plan import CostRange, Expected, Plan, PlannedTraffic
from tokonomics.policy.record import Policy
from tokonomics.report.comment import BEHAVIOURS, Comment, decide, tag_line, tagged
from tokonomics.report.comment_text import code
from tokonomics.workload.scenario import Scenario

checked = settings(max_examples=60, deadline=None)
TODAY = date(2026, 11, 23)

loads = st.one_of(
    st.fixed_dictionaries({"requests_per_s": st.sampled_from([1.0, 2.0, 5.0])}),
    st.fixed_dictionaries({"users": st.integers(1, 50), "think_time_s": st.sampled_from([1.0, 9.0])}),
    st.fixed_dictionaries({"tokens_per_month": st.sampled_from([1e8, 1e9])}),
)
shapes = st.one_of(
    st.fixed_dictionaries({"preset": st.sampled_from(["chat", "rag"])}),
    st.fixed_dictionaries(
        {"input_tokens": st.sampled_from([10.0, 99.0]), "output_tokens": st.sampled_from([1.0, 9.0])}
    ),
    st.fixed_dictionaries({"trace": st.just("t.csv"), "skip_bad": st.booleans()}),
)
scenarios = st.builds(
    lambda load, shape, rest: Scenario.from_dict({**rest, "traffic": {**load, **shape}}),
    loads,
    shapes,
    st.fixed_dictionaries(
        {
            "models": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True),
            "slo": st.sampled_from(["", "ttft_p95=1s"]),
            "num_spare_replicas": st.integers(0, 3),
            "gpus": st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True),
        }
    ),
)


def priced(one: Scenario) -> Outcome:
    """Any function of a scenario will do; this one mixes all its keys."""
    text = one.model_dump_json(exclude={"today", "snapshot"})
    usd = float(sum(place * ord(letter) for place, letter in enumerate(text)) % 9973)
    return Outcome(option=text[:20], usd_per_month=usd, ttft_p95_s=usd / 7.0)


def subject(one: Scenario) -> Subject:
    return Subject(name="s", kind="quote", scenario=one, outcome=priced(one))


@checked
@given(scenarios, scenarios, st.randoms(use_true_random=False))
def test_steps_add_up_in_any_order_and_nothing_is_left_over(before, after, random):
    keys = [
        key for step in compare(subject(before), subject(after), priced, today=TODAY).path.steps for key in step.keys
    ]
    random.shuffle(keys)
    diff = compare(subject(before), subject(after), priced, today=TODAY, first=keys)
    total = sum(rise["usd_per_month"] for rise in diff.steps())
    assert abs(total - diff.changes()["usd_per_month"]) < 1e-6
    assert diff.residuals()["usd_per_month"] == 0.0
    assert sorted(key for step in diff.path.steps for key in step.keys) == sorted(keys)


@checked
@given(scenarios, scenarios)
def test_there_and_back_is_the_same_change(before, after):
    there = compare(subject(before), subject(after), priced, today=TODAY).changes()
    back = compare(subject(after), subject(before), priced, today=TODAY).changes()
    assert all(there[name] is None or abs(there[name] + back[name]) < 1e-9 for name in there)


amounts = st.none() | st.floats(0, 1e9)


@checked
@given(amounts, amounts, st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_looser_limit_is_never_broken_where_a_stricter_is_kept(usd, base_usd, one, two):
    strict, loose = sorted((one, two))
    result, base = Outcome(option="r", usd_per_month=usd), Outcome(option="b", usd_per_month=base_usd)
    for name in ("max_usd_per_month", "max_increase_usd_per_month"):
        kept = [judge(limits_from({name: limit}), result, base)[0].is_kept for limit in (strict, loose)]
        assert kept[1] or not kept[0]
        assert not any(kept) or usd is not None


texts = st.text(max_size=40)
comments = st.lists(st.tuples(texts, st.sampled_from(["", "cost", "other"])), max_size=8).map(
    lambda found: [
        Comment(id=number, node=str(number), body=tagged(text, tag) if tag else text)
        for number, (text, tag) in enumerate(found)
    ]
)


def carried_out(existing, actions):
    """The comments after `actions`; hidden ones are marked."""
    left = {one.id: one for one in existing}
    for action in actions:
        if action.kind == "create":
            left[len(left) + 1000] = Comment(id=len(left) + 1000, node="new", body=action.body)
        elif action.kind == "update":
            left[action.target.id] = Comment(id=action.target.id, node="n", body=action.body)
        elif action.kind == "delete":
            del left[action.target.id]
    return list(left.values())


@checked
@given(comments, texts, st.sampled_from(BEHAVIOURS), st.booleans())
def test_only_ours_are_touched_and_the_text_stands_there(existing, text, behaviour, is_quiet):
    actions = decide(behaviour, existing, text, tag="cost", is_quiet=is_quiet)
    ours = {one.id for one in existing if one.body.startswith(tag_line("cost"))}
    assert all(one.target is None or one.target.id in ours for one in actions)
    after = carried_out(existing, actions)
    if not is_quiet:
        assert any(one.body.rstrip() == tagged(text, "cost").rstrip() for one in after)
    assert sum(one.kind == "create" for one in actions) <= 1
    if behaviour == "update" and not is_quiet:
        assert decide("update", after, text, tag="cost") == ()


@checked
@given(st.text(max_size=300))
def test_a_stranger_s_word_is_one_code_span(text):
    span = code(text)
    assert span.startswith("`")
    assert span.endswith("`")
    assert "`" not in span[1:-1]
    assert "\n" not in span
    assert re.search(r"(?<!\\)\|", span) is None
    assert len(span.splitlines()) == 1


CATALOG = load_catalog()
words = st.text(min_size=1, max_size=30).filter(str.isprintable)
evil = st.sampled_from(
    [
        "$(reboot)",
        "a'; reboot #",
        '"; reboot "',
        "--trust-remote-code",
        "`reboot`",
        "a b",
        "${X}",
        "no",
        "1e3",
        "a\u2028b",
    ]
)
names = words | evil


def plan_of(name, provider, accelerator, num_replicas, tensor_parallel):
    cost = CostRange(expected_usd=1.0)
    expected = Expected(month=cost, allocation=cost, usage=cost, num_gpus=1, api_frac=0.0, is_replayed=True)
    traffic = PlannedTraffic(
        name="t", requests_per_s=1.0, peak_requests_per_s=1.0, mean_input_tokens=9.0, mean_output_tokens=9.0
    )
    fleet = FleetBackend(
        name=name, model="llama-3.1-8b", precision="bf16", engine="vllm", accelerator=accelerator, provider=provider,
        purchase="spot", num_replicas=num_replicas, usd_per_gpu_hour=1.0, tensor_parallel=tensor_parallel, gpus_per_box=8,
    )  # fmt: skip
    return Plan(
        family="f", policy=Policy(), expected=expected, traffic=traffic, fleets=(fleet,), planned_on=TODAY, catalogue_snapshot="s",
        catalogue_digest="d", seed=0, tokonomics_version="0",
    )  # fmt: skip


@checked
@given(
    names,
    names,
    st.sampled_from(["h100-sxm", "mi300x"]),
    st.integers(1, 20),
    st.sampled_from([1, 2, 4]),
    st.none() | names,
)
def test_no_word_of_a_plan_becomes_a_command(name, provider, accelerator, num_replicas, tensor_parallel, weights):
    """Every line is a remark or exactly the command that was meant; YAML reads back as exactly the arguments."""
    try:
        plan = plan_of(name, provider, accelerator, num_replicas, tensor_parallel)
        fleets = served_fleets(plan, CATALOG, {"llama-3.1-8b": weights} if weights is not None else None)
    except InputError:
        return
    (fleet,) = fleets
    assert re.fullmatch(r"[A-Za-z0-9/][A-Za-z0-9._/:@+-]*", fleet.arguments[0])
    found = {target: deploy_text(target, fleets) for target in TARGETS}
    lines = [line for line in re.split("\n", found["vllm"]) if line]
    told = [line for line in lines if not line.startswith("# ")]
    assert len(told) == min(8 // tensor_parallel, num_replicas)
    for place, line in enumerate(told):
        assert shlex.split(line)[1:] == ["vllm", "serve", *fleet.arguments, "--port", str(8000 + place)]
        assert not set("$`;|&<>(){}\\!*?\"'") & set(line)
    (compose,) = YAML(typ="safe", pure=True).load_all(found["compose"])
    assert len(compose["services"]) == len(told)
    for service in compose["services"].values():
        assert tuple(service["command"][: len(fleet.arguments)]) == fleet.arguments
    deployed, served = YAML(typ="safe", pure=True).load_all(found["k8s"])
    assert (
        tuple(deployed["spec"]["template"]["spec"]["containers"][0]["args"][: len(fleet.arguments)]) == fleet.arguments
    )
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", served["metadata"]["name"])
