"""Feed-forward layers by their dimensions: dense ones, and mixtures of experts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DenseMlp:
    """`num_layers` feed-forward layers of inner width `size`; three matrices when gated, two when not."""

    num_layers: int
    size: int
    num_matrices: int = 3
    has_bias: bool = False

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of the matrices and, where there are any, of their biases.

        >>> DenseMlp(num_layers=80, size=28672).params_per_layer(8192)
        704643072
        """
        return _matrices(hidden_size, self.size, self.num_matrices, self.has_bias)


@dataclass(frozen=True, kw_only=True, slots=True)
class Experts:
    """`num_layers` mixtures of `num_experts`, of which a token visits `num_active`; `num_shared` run for every token.

    `latent_size`: the routed experts work on a projection of the hidden state to this width; 0: on the state itself.
    """

    num_layers: int
    num_experts: int
    num_active: int
    size: int
    num_shared: int = 0
    shared_size: int = 0
    latent_size: int = 0
    num_matrices: int = 3
    has_bias: bool = False
    has_router_bias: bool = False
    has_shared_gate: bool = False

    def expert_params(self, hidden_size: int) -> int:
        """Parameters of one routed expert."""
        return _matrices(self.latent_size or hidden_size, self.size, self.num_matrices, self.has_bias)

    def shared_params_per_layer(self, hidden_size: int) -> int:
        """Parameters that every token touches: shared experts, and the way into the latent and back."""
        shared = self.num_shared * _matrices(hidden_size, self.shared_size, self.num_matrices, self.has_bias)
        return shared + 2 * hidden_size * self.latent_size

    def router_params_per_layer(self, hidden_size: int) -> int:
        """Parameters of the router, its bias, and the gate of the shared expert."""
        return (hidden_size + self.has_router_bias) * self.num_experts + hidden_size * self.has_shared_gate


def _matrices(hidden_size: int, size: int, num_matrices: int, has_bias: bool) -> int:
    bias = (num_matrices - 1) * size + hidden_size
    return num_matrices * hidden_size * size + bias * has_bias
