"""Linear-attention and state-space layers: a state of constant size a sequence in place of a growing cache.

One set of dimensions describes the three kinds that are published. In the words of Mamba-2, value heads are its
heads, key heads its groups, and the key head dimension its state size.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearAttention:
    """`num_layers` layers of one `kind` (a key of LINEAR_KINDS), with a short convolution over `conv_width` tokens."""

    kind: str
    num_layers: int
    num_key_heads: int
    num_value_heads: int
    key_head_dim: int
    value_head_dim: int
    conv_width: int

    @property
    def key_size(self) -> int:
        """Width of all key heads together."""
        return self.num_key_heads * self.key_head_dim

    @property
    def value_size(self) -> int:
        """Width of all value heads together."""
        return self.num_value_heads * self.value_head_dim

    @property
    def conv_size(self) -> int:
        """Channels that pass the convolution: queries, keys and values."""
        return 2 * self.key_size + self.value_size

    @property
    def state_elements_per_layer(self) -> int:
        """Elements that one layer keeps for a sequence: a matrix a value head, and the tail of the convolution."""
        return self.value_size * self.key_head_dim + (self.conv_width - 1) * self.conv_size

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of projections, convolution, decay and norm.

        >>> qwen3_next = LinearAttention(kind="gated-deltanet", num_layers=36, num_key_heads=16, num_value_heads=32,
        ...                              key_head_dim=128, value_head_dim=128, conv_width=4)
        >>> qwen3_next.params_per_layer(2048)
        33718464
        """
        return LINEAR_KINDS[self.kind](self, hidden_size)


def _gated_deltanet(shape: LinearAttention, hidden_size: int) -> int:
    """Qwen3-Next and 3.5: queries, keys, values and output gate; two scalars a head (write strength, decay)."""
    projected = shape.conv_size + shape.value_size + 2 * shape.num_value_heads
    decay_and_norm = 2 * shape.num_value_heads + shape.value_head_dim
    return hidden_size * (projected + shape.value_size) + shape.conv_width * shape.conv_size + decay_and_norm


def _mamba2(shape: LinearAttention, hidden_size: int) -> int:
    """Nemotron-H: one input projection, a convolution with bias, three scalars a head, a norm over the width."""
    projected = shape.conv_size + shape.value_size + shape.num_value_heads
    scalars_and_norm = 3 * shape.num_value_heads + shape.value_size
    conv = (shape.conv_width + 1) * shape.conv_size
    return hidden_size * (projected + shape.value_size) + conv + scalars_and_norm


def _kimi_delta(shape: LinearAttention, hidden_size: int) -> int:
    """Kimi delta attention: decay of every channel through a low-rank gate, output gate of full rank."""
    projected = shape.conv_size + shape.value_size + shape.num_value_heads
    decay = shape.value_head_dim * (hidden_size + shape.value_size) + shape.value_size + shape.num_value_heads
    conv = shape.conv_width * shape.conv_size
    return hidden_size * (projected + shape.value_size) + conv + decay + shape.value_head_dim


LINEAR_KINDS: dict[str, Callable[[LinearAttention, int], int]] = {
    "gated-deltanet": _gated_deltanet,
    "mamba-2": _mamba2,
    "kimi-delta": _kimi_delta,
}
"""Parameters of one layer, by kind."""
