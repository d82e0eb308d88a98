"""A deployment: one model in one precision on one kind of accelerator, split over some of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.errors import InputError, raise_all
from tokonomics.physics.constants import EngineConstants, calibrated_constants
from tokonomics.physics.evidence import Evidence, Known, Layout, evidence_of
from tokonomics.physics.features import Feature, deployment_features
from tokonomics.physics.formats import WeightFormat, kv_element_bytes, weight_format

DEFAULT_STEP_BUDGET_TOKENS = 8192
"""Tokens a step may process: vLLM's default `max_num_batched_tokens` for online serving on large cards."""
DEFAULT_MAX_SEQUENCES = 1024
"""Sequences a step may carry: vLLM's default `max_num_seqs` on large cards (V1 engine)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What one replica is.

    `tensor_parallel` x `pipeline_parallel` accelerators hold one copy. `expert_parallel` gives each tensor-parallel
    rank whole experts instead of slices of all. `attention_data_parallel` replicates attention so that each rank
    keeps the KV cache of its own sequences (DeepSeek-style serving). `evidence` is what own measurements of its group
    say of it, which its constants contain already.
    """

    model: Model
    accelerator: Accelerator
    precision: WeightFormat
    kv_element_bytes: float
    constants: EngineConstants
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: bool = False
    attention_data_parallel: bool = False
    step_budget_tokens: int = DEFAULT_STEP_BUDGET_TOKENS
    max_sequences: int = DEFAULT_MAX_SEQUENCES
    evidence: Known | None = None

    def __post_init__(self) -> None:
        counts = {
            "tensor_parallel": self.tensor_parallel,
            "pipeline_parallel": self.pipeline_parallel,
            "step_budget_tokens": self.step_budget_tokens,
            "max_sequences": self.max_sequences,
        }
        wrong = [f"{name}={value} must be at least 1" for name, value in counts.items() if value < 1]
        if self.pipeline_parallel > self.model.num_layers:
            wrong.append(
                f"pipeline_parallel={self.pipeline_parallel} exceeds the {self.model.num_layers} layers"
                f" of {self.model.id}"
            )
        if self.expert_parallel and not self.model.is_moe:
            wrong.append(f"expert_parallel needs a mixture of experts; {self.model.id} is dense")
        raise_all(wrong, InputError)

    @property
    def num_gpus(self) -> int:
        """Accelerators of one replica."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def layout(self) -> Layout:
        """What tells it from other deployments of its group."""
        ranks = (self.tensor_parallel, self.pipeline_parallel)
        return (self.precision.id, *ranks, self.expert_parallel, self.attention_data_parallel)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What of it may move the engine's constants."""
        return deployment_features(
            model=self.model,
            accelerator=self.accelerator,
            precision=self.precision,
            engine=self.constants.engine,
            tensor_parallel=self.tensor_parallel,
            pipeline_parallel=self.pipeline_parallel,
            expert_parallel=self.expert_parallel,
            attention_data_parallel=self.attention_data_parallel,
        )

    def without_evidence(self) -> Self:
        """The deployment with the constants it had before own measurements; itself where there were none."""
        if self.evidence is None:
            return self
        constants = calibrated_constants(self.constants.engine, self.features)
        return replace(self, evidence=None, constants=constants)

    @property
    def name(self) -> str:
        """Short name, for tables: accelerator x count, precision."""
        return f"{self.num_gpus}x {self.accelerator.id} {self.precision.id}"


def deployment(
    model: Model,
    accelerator: Accelerator,
    *,
    precision: str | None = None,
    kv_format: str | None = None,
    engine: str = "vllm",
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: bool = False,
    attention_data_parallel: bool = False,
    evidence: Iterable[Evidence] = (),
) -> Deployment:
    """Build a deployment from names; the precision defaults to the model's native one, the KV cache to 16 bit.

    Of `evidence` it takes what speaks of its group. Raises UnknownName for a precision, KV format or engine that is in
    no table.
    """
    weights, element_bytes = weight_format(precision or model.native_format), kv_element_bytes(kv_format or "bf16")
    features = deployment_features(
        model=model,
        accelerator=accelerator,
        precision=weights,
        engine=engine,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        expert_parallel=expert_parallel,
        attention_data_parallel=attention_data_parallel,
    )
    layout = (weights.id, tensor_parallel, pipeline_parallel, expert_parallel, attention_data_parallel)
    told = evidence_of(evidence, model.id, accelerator.id, engine)
    known = None if told is None else told.at(layout)
    return Deployment(
        model=model,
        accelerator=accelerator,
        precision=weights,
        kv_element_bytes=element_bytes,
        constants=calibrated_constants(engine, features, known),
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        expert_parallel=expert_parallel,
        attention_data_parallel=attention_data_parallel,
        evidence=known,
    )
