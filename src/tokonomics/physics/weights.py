"""Bytes of weights: what lies in memory, and what a step reads."""

from dataclasses import dataclass

from tokonomics.catalog.model import Model
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.formats import WeightFormat

_EXPERTS_ONLY = frozenset({"mxfp4"})
"""Formats whose published checkpoints quantise the routed experts and leave all else in 16 bit (gpt-oss)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightBytes:
    """Bytes of one whole copy of a model, before it is split over accelerators.

    `dense_bytes` are read by every step, `expert_bytes` are all routed experts (a step reads those its tokens
    were routed to), `idle_bytes` lie in memory and are not read per token: the input embedding table, vision
    towers and multi-token-prediction layers.
    """

    dense_bytes: float
    expert_bytes: float
    idle_bytes: float

    @property
    def resident_bytes(self) -> float:
        """Everything that must fit in memory."""
        return self.dense_bytes + self.expert_bytes + self.idle_bytes


def weight_bytes(model: Model, fmt: WeightFormat) -> WeightBytes:
    """Bytes of `model` stored in `fmt`.

    A tied embedding is one table: it lies in memory once and is read once a step, as the head. Quantised formats
    leave the embedding, head, router, norms and extra tensors at `edge_bits`.
    """
    params = model.params
    body = _body_bytes(model, fmt)
    head = params.head or params.embedding
    idle_embedding = params.embedding if params.head else 0
    return WeightBytes(
        dense_bytes=(params.attention + params.mlp) * body + (head + params.router + params.norms) * fmt.edge_bytes,
        expert_bytes=params.experts * fmt.weight_bytes,
        idle_bytes=(idle_embedding + params.vision + params.mtp) * fmt.edge_bytes,
    )


def shard_weight_bytes(dep: Deployment) -> WeightBytes:
    """Bytes on each accelerator of `dep`.

    All is split evenly, but for attention under data-parallel attention: every rank then holds a whole copy of it.
    """
    whole, num_gpus = weight_bytes(dep.model, dep.precision), dep.num_gpus
    copies = dep.tensor_parallel if dep.attention_data_parallel else 1
    attention = attention_weight_bytes(dep.model, dep.precision)
    return WeightBytes(
        dense_bytes=(whole.dense_bytes + attention * (copies - 1)) / num_gpus,
        expert_bytes=whole.expert_bytes / num_gpus,
        idle_bytes=whole.idle_bytes / num_gpus,
    )


def attention_weight_bytes(model: Model, fmt: WeightFormat) -> float:
    """Bytes of all attention layers of one copy of `model` in `fmt`."""
    return model.params.attention * _body_bytes(model, fmt)


def _body_bytes(model: Model, fmt: WeightFormat) -> float:
    """Bytes a weight of the dense layers takes."""
    return fmt.edge_bytes if fmt.id in _EXPERTS_ONLY and model.is_moe else fmt.weight_bytes
