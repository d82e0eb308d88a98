"""Which answers are interchangeable: without a quality limit all are, with one only those of the same known quality."""

from collections.abc import Mapping, Sequence

from tokonomics.errors import InputError
from tokonomics.physics.deployment import Deployment
from tokonomics.planning.fleet_problem import Way
from tokonomics.workload.scenario_plan import PlanSpec, Quality

ANY = "any"
"""The one tier of a plan that limits no quality and tries no cascade."""


def is_graded(spec: PlanSpec) -> bool:
    """Whether answers are told apart by their quality."""
    return spec.min_quality_frac is not None or bool(spec.cascades)


def deployment_tiers(deployments: Sequence[Deployment], spec: PlanSpec) -> Mapping[int, str]:
    """The tier of each deployment that competes, by its index; without a known quality none competes for one."""
    if not is_graded(spec):
        return dict.fromkeys(range(len(deployments)), ANY)
    tiers = ((i, _tier(spec, one.model.id, one.precision.id)) for i, one in enumerate(deployments))
    return {i: tier for i, tier in tiers if tier is not None}


def endpoint_tier(name: str, model_id: str, spec: PlanSpec) -> str | None:
    """The tier of a hosted model, by its own name, else by the weights that it serves; None: it does not compete."""
    if not is_graded(spec):
        return ANY
    return _tier(spec, name, None) or (_tier(spec, model_id, None) if model_id else None)


def graded_name(spec: PlanSpec, model: str, precision: str) -> tuple[str, float | None]:
    """What to call the answers of a model in a precision, and their quality; None where the user gave none."""
    name = _tier(spec, model, precision) or model
    return name, _quality_frac(spec, name)


def ways(spec: PlanSpec, tiers: Sequence[str]) -> tuple[Way, ...]:
    """Each tier alone, then every measured cascade between two of them.

    Raises: InputError for a cascade whose models are not in the plan.
    """
    known = tuple(dict.fromkeys(tiers))
    if not is_graded(spec):
        return (Way(name=ANY, calls=((ANY, 1.0),)),)
    single = [Way(name=tier, calls=((tier, 1.0),), quality_frac=_quality_frac(spec, tier)) for tier in known]
    wrong = [
        f"plan.cascades names {name!r}, which is no model of the plan; known: {', '.join(known)}; add it with --model"
        for one in spec.cascades
        for name in (one.first, one.next)
        if name not in known
    ]
    if wrong:
        raise InputError(*dict.fromkeys(wrong))
    cascades = [
        Way(
            name=f"{one.first} to {one.next} at {one.accept_confidence_frac:g}",
            calls=((one.first, 1.0), (one.next, one.escalated_frac)),
            quality_frac=one.quality_frac,
        )
        for one in spec.cascades
    ]
    return (*single, *cascades)


def _tier(spec: PlanSpec, model: str, precision: str | None) -> str | None:
    """The name of the tier of a model in a precision: with the precision where that one was measured by itself."""
    exact = [one for one in spec.quality if one.model == model and one.precision == precision and precision]
    if exact:
        return f"{model}:{precision}"
    if any(one.model == model and one.precision is None for one in spec.quality):
        return model
    named = {name for one in spec.cascades for name in (one.first, one.next)}
    return model if model in named and spec.min_quality_frac is None else None


def _quality_frac(spec: PlanSpec, tier: str) -> float | None:
    return next((one.quality_frac for one in spec.quality if _name(one) == tier), None)


def _name(one: Quality) -> str:
    return f"{one.model}:{one.precision}" if one.precision else one.model
