import json
import subprocess
import sys

import pytest

from tokonomics.errors import InputError
from tokonomics.policy.budget import BudgetLimit, BudgetPolicy
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.record import Policy, policy_from_mapping, policy_to_mapping
from tokonomics.policy.route import ROUTERS, RoutePolicy

FULL = Policy(
    route=RoutePolicy(router="prefix_affine", max_load_ratio=1.5),
    overflow=OverflowPolicy(backend="api", enter_ttft_s=1.0, leave_ttft_s=0.5, max_requests_per_minute=60, stick_s=9.0),
    cascade=CascadePolicy(tiers=(CascadeTier(backend="s", accept_confidence_frac=0.7), CascadeTier(backend="l"))),
    budget=BudgetPolicy(limits=(BudgetLimit(name="day", limit_pico_usd=10**14, window_s=86400.0),)),
)


@pytest.mark.parametrize("policy", [Policy(), FULL])
def test_a_policy_reads_back_from_json(policy):
    assert policy_from_mapping(json.loads(json.dumps(policy_to_mapping(policy)))) == policy


def test_parts_that_are_none_are_left_out():
    assert set(policy_to_mapping(Policy())) == {"route"}
    assert policy_from_mapping({}) == Policy()
    assert policy_from_mapping({"overflow": None}) == Policy()


def test_all_violations_of_all_parts_come_at_once_with_their_paths():
    wrong = {
        "rout": 1,
        "route": {"router": "robin"},
        "overflow": {"enter_ttft_s": "soon", "leave_queue_tokens": -1},
        "cascade": {"tiers": [{"backend": "a", "accept_confidence_frac": 3}, {"backed": "b"}, 5]},
        "budget": {"limits": {}, "on_exhausted": "warn"},
    }
    with pytest.raises(InputError) as caught:
        policy_from_mapping(wrong, where="plan.policy")
    said = [one.split("=")[0].split(" has")[0] for one in caught.value.violations]
    assert said == [
        "plan.policy",
        "plan.policy.route.router",
        "plan.policy.overflow.backend",
        "plan.policy.overflow.enter_ttft_s",
        "plan.policy.overflow.leave_queue_tokens",
        "plan.policy.cascade.tiers[0].accept_confidence_frac",
        "plan.policy.cascade.tiers[1]",
        "plan.policy.cascade.tiers[1].backend",
        "plan.policy.cascade.tiers[2]",
        "plan.policy.budget.limits",
        "plan.policy.budget.on_exhausted",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (5, "policy=5"),
        ({"route": None}, "policy.route=None"),
        ({"route": []}, "policy.route=()"),
        ({"cascade": {}}, "policy.cascade.tiers=missing"),
        ({"budget": {"limits": "all"}}, "policy.budget.limits='all'"),
        ({"cascade": {"tiers": [{"backend": "a"}] * 2}}, "twice"),
        ({"cascade": {"tiers": [{"backend": str(i)} for i in range(1001)]}}, "limit=1000"),
        ({3: 4}, "unknown key '3'"),
    ],
)
def test_what_is_no_policy_is_refused_in_a_sentence(given, words):
    with pytest.raises(InputError) as caught:
        policy_from_mapping(given)
    assert words in str(caught.value)


@pytest.mark.parametrize("router", ROUTERS)
def test_every_router_can_be_named(router):
    assert RoutePolicy(router=router).router == router


def test_a_parameter_of_another_router_is_refused():
    with pytest.raises(InputError, match="prefix_affine or session_affine only"):
        RoutePolicy(router="round_robin", max_load_ratio=2.0)
    with pytest.raises(InputError, match="max_load_ratio=0.5"):
        RoutePolicy(router="prefix_affine", max_load_ratio=0.5)


def test_a_part_of_the_wrong_kind_is_refused():
    with pytest.raises(InputError) as caught:
        Policy(route="round_robin", overflow=FULL.cascade)
    assert len(caught.value.violations) == 2


def test_importing_the_policy_is_light():
    code = "import sys; import tokonomics.policy.record; print({'numpy', 'pydantic', 'duckdb', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
