"""The block `plan` of a scenario: what a plan may buy, which quality it must keep, and how sure the inputs are."""

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field
from pydantic import model_validator as validates_model

from tokonomics.workload.strict_record import StrictRecord

FAMILIES: Final = ("all_api", "self_hosted", "hybrid", "cascade", "spot_heavy", "on_premises", "committed")

Family = Literal["all_api", "self_hosted", "hybrid", "cascade", "spot_heavy", "on_premises", "committed"]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _quality(value: object) -> object:
    """A line of the command line, such as model=llama-3.1-8b,quality_frac=0.71, as keys and values."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip(): _number(text.strip()) for name, _, text in parts}


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


_Name = Annotated[str, Field(min_length=1, max_length=300)]
_Names = Annotated[tuple[_Name, ...], BeforeValidator(_tuple), Field(max_length=64)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Count = Annotated[int, Field(ge=1, le=1024)]


class Quality(StrictRecord):
    """How good the answers of a model are, by the user's own measure; of one precision, or of all that have none."""

    model: _Name = Field(description="Name of the model, or provider/model of a hosted one.")
    quality_frac: _Share = Field(description="Share of answers that are good, 0 to 1, by the user's own measure.")
    precision: _Name | None = Field(None, description="Weight format that was measured; default: every one.")


class Escalation(StrictRecord):
    """A cascade that was measured: answers of `first` below a confidence go on to `next`."""

    first: _Name = Field(description="Model that is asked first.")
    next: _Name = Field(description="Model that is asked where the first is not confident.")
    accept_confidence_frac: _Share = Field(description="Confidence at which an answer of the first stands, 0 to 1.")
    escalated_frac: _Share = Field(description="Share of requests that go on, as measured at this confidence.")
    quality_frac: _Share = Field(description="Share of good answers of the whole cascade, as measured.")


class PlanSpec(StrictRecord):
    """How a plan is searched for; what is left out is not limited."""

    engines: _Names = Field((), description="Engines to consider; default: vllm, sglang and trtllm.")
    families: Annotated[tuple[Family, ...], BeforeValidator(_tuple), Field(max_length=16)] = Field(
        (), description="Kinds of plans to compare; default: all that the inputs allow."
    )
    quality: Annotated[
        tuple[Annotated[Quality, BeforeValidator(_quality)], ...], BeforeValidator(_tuple), Field(max_length=256)
    ] = Field((), description="Quality of each model, as model=NAME,quality_frac=SHARE[,precision=FORMAT].")
    cascades: Annotated[
        tuple[Annotated[Escalation, BeforeValidator(_quality)], ...], BeforeValidator(_tuple), Field(max_length=256)
    ] = Field(
        (),
        description="Measured cascades, as first=NAME,next=NAME,accept_confidence_frac=..,escalated_frac=..,"
        "quality_frac=..",
    )
    min_quality_frac: _Share | None = Field(
        None, description="Least mean quality of the answers, 0 to 1; models without a figure then do not compete."
    )
    budget_usd_per_month: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None, description="Most that a month may cost, USD."
    )
    min_slo_probability: Annotated[float, Field(ge=0.5, le=0.999)] | None = Field(
        None, description="Least chance that every latency limit holds, given how sure the speeds are."
    )
    licences: _Names = Field((), description="Licences of weights that are acceptable; default: all.")
    no_spot: bool = Field(False, description="Rent nothing that can be called back.")
    no_api: bool = Field(False, description="Send no request to a hosted model: nothing leaves the own machines.")
    max_gpus: Annotated[int, Field(ge=1, le=10**6)] | None = Field(
        None, description="Most accelerators of one kind from one seller: a quota."
    )
    spot_availability_frac: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Share of time that a spot replica is up; default: from the table of assumptions."
    )
    monthly_growth_frac: Annotated[float, Field(ge=-0.9, le=10)] | None = Field(
        None, description="Growth of the load a month, as a share; default: none."
    )
    max_gap_frac: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.01, description="How much cheaper, as a share, an unfound plan may be at most."
    )
    num_draws: Annotated[int, Field(ge=16, le=100_000)] = Field(
        2000, description="Draws of the uncertain inputs, the same for every family."
    )

    @validates_model(mode="after")
    def _adds_up(self) -> Self:
        problems = list(_problems(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _problems(spec: PlanSpec) -> list[str]:
    problems = []
    if spec.no_api and "all_api" in spec.families:
        problems.append("plan.no_api with families all_api; keep one of them")
    if spec.no_spot and "spot_heavy" in spec.families:
        problems.append("plan.no_spot with families spot_heavy; keep one of them")
    if spec.min_quality_frac is not None and not (spec.quality or spec.cascades):
        problems.append("plan.min_quality_frac without quality; give the quality of each model, none is assumed")
    return problems


def plan_defaults() -> PlanSpec:
    """The block of a scenario that has none.

    >>> plan_defaults().max_gap_frac
    0.01
    """
    return PlanSpec.model_validate({})
