"""Bytes of KV cache: three terms a sequence, and how they are sharded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.physics.deployment import Deployment

_STATE_ELEMENT_BYTES = 2.0
"""Recurrent state of linear layers is kept in 16 bit whatever the KV format."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KvBytes:
    """Bytes of KV cache that one accelerator of a replica holds for one sequence.

    Full-attention layers grow by `full_bytes_per_token` without bound (`index_bytes_per_token` more where a small
    attention picks `selected_tokens` for sparse layers), sliding-window layers by `window_bytes_per_token` up to
    `window_tokens`, linear layers hold `state_bytes` whatever the context.
    """

    full_bytes_per_token: float
    window_bytes_per_token: float
    window_tokens: float
    state_bytes: float
    index_bytes_per_token: float
    selected_tokens: float

    def sequence_bytes(self, context_tokens: ArrayLike) -> NDArray[np.float64]:
        """Bytes of a sequence of `context_tokens` (array of any shape) on one accelerator."""
        context = np.asarray(context_tokens, dtype=float)
        window = np.minimum(context, self.window_tokens)
        return np.asarray(context * self.full_bytes_per_token + window * self.window_bytes_per_token + self.state_bytes)


def num_kv_shards(dep: Deployment) -> int:
    """Into how many parts the KV cache of one sequence is split over the accelerators of a replica.

    Heads are split over tensor-parallel ranks as far as there are KV heads; beyond that they are replicated. A
    latent (MLA) cache has one head, so it is replicated, unless attention is data-parallel: then each rank holds
    only its own sequences, which spreads the cache over all of them.
    """
    heads = 1 if dep.model.kv.is_latent else dep.model.kv.num_kv_heads
    ranks = dep.tensor_parallel if dep.attention_data_parallel else min(dep.tensor_parallel, heads)
    return ranks * dep.pipeline_parallel


def kv_bytes(dep: Deployment) -> KvBytes:
    """KV bytes of one sequence on each accelerator of `dep`."""
    shape, shards = dep.model.kv, num_kv_shards(dep)
    element = dep.kv_element_bytes / shards
    return KvBytes(
        full_bytes_per_token=shape.full_elements_per_token * element,
        window_bytes_per_token=shape.window_elements_per_token * element,
        window_tokens=float(shape.window_tokens),
        state_bytes=shape.state_elements * _STATE_ELEMENT_BYTES / dep.num_gpus,
        index_bytes_per_token=shape.index_elements_per_token * element,
        selected_tokens=float(shape.selected_tokens),
    )
