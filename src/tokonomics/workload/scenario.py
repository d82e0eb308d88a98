"""The scenario: everything that an answer of `tok` depends on, as one record that a file can hold.

The keys of the file, the flags of the command line and the fields here are the same words. Every result echoes
its scenario, so that it can be asked again.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic import model_validator as validates_model

from tokonomics.errors import InputError
from tokonomics.workload.scenario_errors import Places, placed, sentences
from tokonomics.workload.scenario_measured import Measured
from tokonomics.workload.scenario_plan import PlanSpec
from tokonomics.workload.scenario_simulation import SimulationSpec
from tokonomics.workload.slo import parse_slo
from tokonomics.workload.strict_record import StrictRecord

Purchase = Literal["on_demand", "spot", "reserved_1yr"]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _readable_slo(text: str) -> str:
    if text:
        try:
            parse_slo(text)
        except InputError as error:
            raise ValueError("\n".join(error.violations)) from None
    return text


_Name = Annotated[str, Field(min_length=1, max_length=300)]
_Names = Annotated[tuple[_Name, ...], BeforeValidator(_tuple), Field(max_length=64)]
_Count = Annotated[int, Field(ge=1, le=1024)]
_Counts = Annotated[tuple[_Count, ...], BeforeValidator(_tuple), Field(max_length=64)]
_Day = Annotated[date, BeforeValidator(_date)]
_Slo = Annotated[str, Field(max_length=500), AfterValidator(_readable_slo)]
_Positive = Annotated[float, Field(gt=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Length = Annotated[float, Field(ge=1, le=1e8)]


class TrafficSpec(StrictRecord):
    """What is asked of the service: one source of lengths, and one load unless the source has its own.

    Lengths come from input_tokens with output_tokens, from a preset, or from a trace. The load is requests_per_s,
    or users with think_time_s, or tokens_per_month; a trace brings one, which a stated load replaces.
    """

    requests_per_s: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="Mean rate of requests, requests/s."
    )
    users: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        None, description="People who ask, wait, think and ask again; needs think_time_s."
    )
    think_time_s: Annotated[float, Field(ge=0, le=1e7)] | None = Field(
        None, description="Seconds between an answer and the next question of the same user."
    )
    tokens_per_month: Annotated[float, Field(gt=0, le=1e18)] | None = Field(
        None, description="Input and output tokens in a month of 730 hours."
    )
    input_tokens: _Length | None = Field(None, description="Tokens of one prompt, all of them, cached or not.")
    output_tokens: _Length | None = Field(None, description="Tokens of one answer, reasoning included.")
    preset: _Name | None = Field(
        None, description="A generator of requests fitted to published statistics, such as chat or rag."
    )
    trace: _Name | None = Field(
        None, description="File of recorded requests; written in a scenario file, its path starts there."
    )
    skip_bad: bool = Field(False, description="Skip malformed lines of the trace and report their number.")
    peak_ratio: Annotated[float, Field(ge=1, le=1e6)] | None = Field(
        None, description="Peak rate over mean rate, 1 or more; default: that of the preset or trace, else 1."
    )
    arrival_cv: Annotated[float, Field(ge=0, le=1e4)] | None = Field(
        None, description="Coefficient of variation of the gaps between requests: 0 a clock, 1 Poisson, above 1 bursty."
    )
    reasoning_frac: _Share | None = Field(None, description="Share of the output tokens that is reasoning, 0 to 1.")

    @validates_model(mode="after")
    def _adds_up(self) -> Self:
        problems = _combination_problems(self.model_dump(exclude_none=True))
        if problems:
            raise ValueError("\n".join(problems))
        return self


class Owned(StrictRecord):
    """An accelerator that is bought, not rented; what is left out comes from the table of assumptions."""

    gpu: _Name = Field(description="Name of the accelerator in the catalogue.")
    purchase_usd: _Positive | None = Field(None, description="Price of one accelerator, USD.")
    device_watts: _NotNegative | None = Field(None, description="Power of one accelerator at full load, W.")
    host_usd: _NotNegative | None = Field(
        None, description="Share of chassis, processor, network and spares in the price, USD per accelerator."
    )
    host_watts: _NotNegative | None = Field(None, description="Share of the chassis in the power, W per accelerator.")
    electricity_usd_per_kwh: _NotNegative | None = Field(None, description="Price of electricity, USD per kWh.")
    pue_factor: Annotated[float, Field(ge=1, le=5)] | None = Field(
        None, description="Power of the building over power of its machines, 1 or more."
    )
    hosting_usd_per_year: _NotNegative | None = Field(
        None, description="Rack, cooling and connection, USD a year per accelerator."
    )
    staff_usd_per_year: _NotNegative | None = Field(None, description="People who run it, USD a year per accelerator.")
    horizon_years: Annotated[float, Field(gt=0, le=30)] | None = Field(
        None, description="Years until it is written off, years."
    )
    capital_cost_frac: _Share | None = Field(None, description="Yearly price of money, as a share: 0.08 is 8 percent.")
    resale_frac: _Share | None = Field(None, description="Share of the purchase price that a sale brings at the end.")


class Scenario(StrictRecord):
    """One question to `tok`: which models, what traffic, which promises, and what may serve it."""

    models: Annotated[_Names, Field(min_length=1)] = Field(
        description="Models to serve, by catalogue or Hugging Face name; provider/model for a hosted API only."
    )
    traffic: TrafficSpec = Field(description="What is asked of the service.")
    slo: _Slo = Field(
        "", description="Limits on latency, such as ttft_p95=1s,itl_p95=50ms; metrics ttft, itl and e2e, in s or ms."
    )
    gpus: _Names = Field((), description="Accelerators to consider; default: every one that has a price.")
    num_gpus: _Counts = Field((), description="Accelerators of one replica to consider; default: 1, 2, 4 and 8.")
    precisions: _Names = Field(
        (), description="Weight formats to consider; default: the model's own, and fp8 where the accelerator has it."
    )
    kv_format: _Name | None = Field(None, description="Format of the KV cache, such as bf16 or fp8; default: 16 bit.")
    engine: _Name = Field("vllm", description="Serving engine, whose overhead and efficiency apply.")
    providers: _Names = Field((), description="Sellers to consider; default: all.")
    regions: _Names = Field((), description="Regions to consider; default: all.")
    purchase: Purchase = Field("on_demand", description="How accelerators are rented.")
    apis: _Names = Field(
        (), description="Hosted models to compare with, as provider/model, beside those that serve the same weights."
    )
    owned: Annotated[tuple[Owned, ...], BeforeValidator(_tuple), Field(max_length=64)] = Field(
        (), description="Accelerators that are bought, as gpu=NAME,purchase_usd=USD and the like."
    )
    measured: Annotated[tuple[Measured, ...], BeforeValidator(_tuple), Field(max_length=64)] = Field(
        (), description="What you measured, as concurrency=N,tpot_ms=MS and the like; shifts and narrows its group."
    )
    cached_input_frac: _Share | None = Field(
        None, description="Share of input tokens that a prefix cache holds, 0 to 1; default: that of the traffic."
    )
    num_spare_replicas: Annotated[int, Field(ge=0, le=1024)] = Field(
        0, description="Replicas beyond those the peak needs, for failures and upgrades."
    )
    snapshot: _Name | None = Field(None, description="Date of the catalogue to price with; default: the newest.")
    price_overrides: _Name | None = Field(
        None,
        description="File of your own prices, which replace those of the catalogue; paths start at the scenario.",
    )
    today: _Day | None = Field(
        None, description="Date for which prices hold and against which they age; default: that of the catalogue."
    )
    simulation: SimulationSpec | None = Field(None, description="How `tok simulate` replays the traffic.")
    plan: PlanSpec | None = Field(None, description="How `tok plan` searches, and what it must keep.")

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, places: Places | None = None) -> Self:
        """Check and freeze `raw`, the keys and values of a file.

        `places` says where each key stood, for the messages. Raises InputError with every violation at once.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            found = sentences(error, _KNOWN_KEYS, places or Places())
            hidden = _hidden_problems(raw.get("traffic"), places or Places())
            raise InputError(*dict.fromkeys([*found, *hidden])) from None

    def to_dict(self) -> dict[str, Any]:
        """Every key that is set or has a default, in plain JSON types; `from_dict` gives back an equal scenario."""
        return self.model_dump(mode="json", exclude_none=True)


_KNOWN_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "": tuple(Scenario.model_fields),
    "traffic": tuple(TrafficSpec.model_fields),
    "owned": tuple(Owned.model_fields),
    "measured": tuple(Measured.model_fields),
    "simulation": tuple(SimulationSpec.model_fields),
    "plan": tuple(PlanSpec.model_fields),
}
_LOADS: Final = ("requests_per_s", "users", "tokens_per_month")
_SHAPES: Final = ("input_tokens with output_tokens", "preset", "trace")


def _combination_problems(given: Mapping[str, object]) -> list[str]:
    """What is missing, doubled or idle among the keys of a traffic; values that are None count as not given."""
    keys = {key for key, value in given.items() if value is not None}
    return [*_shape_problems(keys), *_load_problems(keys), *_companion_problems(keys, given)]


def _shape_problems(keys: set[str]) -> Iterator[str]:
    lengths = keys & {"input_tokens", "output_tokens"}
    shapes = [name for name in _SHAPES if name in keys or (lengths and name == _SHAPES[0])]
    if not shapes:
        yield "traffic has no lengths; give input_tokens and output_tokens, or a preset, or a trace"
    if len(shapes) > 1:
        yield f"traffic has lengths from {' and '.join(shapes)}; keep one"
    if len(lengths) == 1:
        missing = ({"input_tokens", "output_tokens"} - lengths).pop()
        yield f"traffic has {lengths.pop()} without {missing}; give both"


def _load_problems(keys: set[str]) -> Iterator[str]:
    loads = [name for name in _LOADS if name in keys]
    if len(loads) > 1:
        yield f"traffic has loads from {' and '.join(loads)}; keep one"
    if not loads and "trace" not in keys:
        yield "traffic has no load; give requests_per_s, or users with think_time_s, or tokens_per_month"


def _companion_problems(keys: set[str], given: Mapping[str, object]) -> Iterator[str]:
    if "users" in keys and "think_time_s" not in keys:
        yield "traffic has users without think_time_s; give the seconds between an answer and the next question"
    if "think_time_s" in keys and "users" not in keys:
        yield "traffic has think_time_s without users; give users, or leave think_time_s out"
    if given.get("skip_bad") and "trace" not in keys:
        yield "traffic has skip_bad without a trace; leave it out"


def _hidden_problems(traffic: object, places: Places) -> list[str]:
    """Problems of the combination, which the record does not look for while single values are wrong."""
    if not isinstance(traffic, Mapping):
        return []
    return [placed(problem, ("traffic",), places) for problem in _combination_problems(traffic)]
