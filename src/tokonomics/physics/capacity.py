"""What fits: weights, activations and KV cache in one accelerator's memory, and the batch that leaves."""

import math
from dataclasses import dataclass

from tokonomics.errors import Infeasible, MissingFact
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.kv_cache import KvBytes, kv_bytes
from tokonomics.physics.weights import shard_weight_bytes
from tokonomics.units import GB

_ACTIVATION_ELEMENT_BYTES = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryBox:
    """The memory of one accelerator of a replica, and how it is shared out.

    `kv_room_bytes` is what usable memory leaves after weights and activations; it is negative when the model
    does not fit.
    """

    memory_bytes: float
    usable_bytes: float
    weight_bytes: float
    activation_bytes: float
    kv: KvBytes
    max_sequences: int

    @property
    def kv_room_bytes(self) -> float:
        """Bytes left for KV cache."""
        return self.usable_bytes - self.weight_bytes - self.activation_bytes

    @property
    def fits(self) -> bool:
        """Whether weights and activations leave any room at all."""
        return self.kv_room_bytes > 0

    def max_batch(self, context_tokens: float) -> int:
        """Largest number of sequences of `context_tokens` that run at once (0 when not even one fits)."""
        if not self.fits:
            return 0
        each = float(self.kv.sequence_bytes(context_tokens))
        by_memory = math.floor(self.kv_room_bytes / each) if each > 0 else self.max_sequences
        return min(by_memory, self.max_sequences)

    def max_context_tokens(self, num_sequences: int) -> int:
        """Longest context at which `num_sequences` sequences still fit together (0 when none does).

        Without full-attention layers the cache stops growing and the answer is unbounded: it is then capped at
        2**31 tokens.
        """
        ceiling = 2**31
        if self.max_batch(1.0) < num_sequences:
            return 0
        if self.max_batch(float(ceiling)) >= num_sequences:
            return ceiling
        low, high = 1, ceiling
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.max_batch(float(middle)) >= num_sequences else (low, middle)
        return low


def memory_box(dep: Deployment) -> MemoryBox:
    """Share out the memory of each accelerator of `dep`; MissingFact when the catalogue has no memory size."""
    memory = dep.accelerator.memory_bytes
    if memory is None:
        raise MissingFact(f"{dep.accelerator.id} has no memory size in the catalogue; add it or choose another")
    constants = dep.constants
    hidden_bytes = dep.model.hidden_size * _ACTIVATION_ELEMENT_BYTES
    return MemoryBox(
        memory_bytes=memory,
        usable_bytes=memory * constants.memory_use_frac - constants.reserved_bytes,
        weight_bytes=shard_weight_bytes(dep).resident_bytes,
        activation_bytes=dep.step_budget_tokens
        * hidden_bytes
        * constants.activation_copies_ratio
        / dep.tensor_parallel,
        kv=kv_bytes(dep),
        max_sequences=dep.max_sequences,
    )


def require_fit(dep: Deployment, *, context_tokens: float = 1.0) -> MemoryBox:
    """Return the memory box of `dep`, or raise Infeasible with what would make it fit."""
    box = memory_box(dep)
    if box.max_batch(context_tokens) >= 1:
        return box
    need = box.weight_bytes + box.activation_bytes + float(box.kv.sequence_bytes(context_tokens))
    raise Infeasible(
        f"{dep.model.id} in {dep.precision.id} does not fit: weights+activations+kv={need / GB:.1f} GB a GPU"
        f" at context {context_tokens:,.0f}; usable={box.usable_bytes / GB:.1f} GB"
        f" on {dep.num_gpus} x {dep.accelerator.id}; "
        f"use at least {_smallest_fitting_count(dep, context_tokens)} GPUs, fewer bits or a shorter context"
    )


def _smallest_fitting_count(dep: Deployment, context_tokens: float) -> int:
    """The whole replica's bytes over one accelerator's usable bytes, rounded up to a power of two."""
    box = memory_box(dep)
    each = box.weight_bytes + box.activation_bytes + float(box.kv.sequence_bytes(context_tokens))
    return int(2 ** math.ceil(math.log2(max(each * dep.num_gpus / box.usable_bytes, dep.num_gpus + 1))))
