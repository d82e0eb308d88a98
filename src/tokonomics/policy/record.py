"""Everything a plan says of what to do with a request, as one record that a plan file can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokonomics.errors import raise_all
from tokonomics.policy._mapping import BROKEN, from_plain, to_plain
from tokonomics.policy.budget import BudgetPolicy
from tokonomics.policy.cascade import CascadePolicy
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import RoutePolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How requests are routed, and whether they overflow, cascade or have a budget; None: they do not."""

    route: RoutePolicy = field(default_factory=RoutePolicy, metadata={"of": RoutePolicy})
    overflow: OverflowPolicy | None = field(default=None, metadata={"of": OverflowPolicy})
    cascade: CascadePolicy | None = field(default=None, metadata={"of": CascadePolicy})
    budget: BudgetPolicy | None = field(default=None, metadata={"of": BudgetPolicy})

    def __post_init__(self) -> None:
        raise_all(
            _kind_problems("route", self.route, RoutePolicy)
            + _kind_problems("overflow", self.overflow, OverflowPolicy, optional=True)
            + _kind_problems("cascade", self.cascade, CascadePolicy, optional=True)
            + _kind_problems("budget", self.budget, BudgetPolicy, optional=True)
        )


def policy_to_mapping(policy: Policy) -> dict[str, Any]:
    """Plain mappings, lists, texts and numbers; what is None is left out.

    >>> policy_to_mapping(Policy())
    {'route': {'router': 'least_outstanding_tokens'}}
    """
    mapping: dict[str, Any] = to_plain(policy)
    return mapping


def policy_from_mapping(mapping: Mapping[str, Any], *, where: str = "policy") -> Policy:
    """The policy that `mapping` describes; `where` begins every sentence about it.

    Raises:    InputError with all violations of all its parts, each with its path.

    >>> policy_from_mapping({"route": {"router": "round_robin"}}).route.router
    'round_robin'
    """
    return from_plain(Policy, mapping, where)


def _kind_problems(name: str, value: object, kind: type[object], *, optional: bool = False) -> list[str]:
    if isinstance(value, kind) or value is BROKEN or (optional and value is None):
        return []
    return [f"{name}={value!r:.60}; limit=a {kind.__name__}; give its keys as a mapping"]
