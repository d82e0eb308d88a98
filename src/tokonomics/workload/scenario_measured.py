"""The list `measured` of a scenario: what the user measured, each point with where and under which load."""

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import Field
from pydantic import model_validator as validates_model

from tokonomics.workload.strict_record import StrictRecord

_Name = Annotated[str, Field(min_length=1, max_length=300)]
_Count = Annotated[int, Field(ge=1, le=1024)]
_Length = Annotated[float, Field(ge=1, le=1e8)]
_Ms = Annotated[float, Field(gt=0, le=1e9)]
_LOADS: Final = ("concurrency", "requests_per_s")
_RESULTS: Final = ("tpot_ms", "ttft_ms", "output_tokens_per_s")


class Measured(StrictRecord):
    """One measured point of one replica: its load, and medians or means of what was seen."""

    concurrency: Annotated[int, Field(ge=1, le=10**6)] | None = Field(
        None, description="Requests in flight all the time, each followed by the next."
    )
    requests_per_s: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="Rate at which requests arrived, requests/s; instead of concurrency."
    )
    tpot_ms: _Ms | None = Field(
        None, description="Time per output token after the first, ms: (last - first token) / (output tokens - 1)."
    )
    ttft_ms: _Ms | None = Field(None, description="Time to the first token, ms.")
    output_tokens_per_s: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None, description="Output tokens of the replica, tokens/s."
    )
    input_tokens: _Length | None = Field(
        None, description="Tokens of one prompt that no cache held; default: those of the traffic."
    )
    output_tokens: _Length | None = Field(None, description="Tokens of one answer; default: those of the traffic.")
    model: _Name | None = Field(None, description="Model that ran; default: the only one of the scenario.")
    gpu: _Name | None = Field(None, description="Accelerator it ran on; default: the only one of the scenario.")
    num_gpus: _Count | None = Field(
        None, description="Accelerators of the replica; default: the only number of the scenario, else the fewest."
    )
    precision: _Name | None = Field(
        None, description="Format of its weights; default: the only one of the scenario, else the model's own."
    )
    engine: _Name | None = Field(None, description="Engine that served it; default: that of the scenario.")

    @validates_model(mode="after")
    def _is_a_point(self) -> Self:
        problems = list(_problems(set(self.model_dump(exclude_none=True))))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _problems(given: set[str]) -> Iterator[str]:
    if len(given & set(_LOADS)) != 1:
        yield "give one of concurrency and requests_per_s, which the result depends on"
    if not given & set(_RESULTS):
        yield f"give what was seen: {', '.join(_RESULTS)}"
