"""A decoder by its dimensions, and the count of its parameters.

A model is described by what its layers are made of, never by its family's name: softmax attention that sees all
tokens or a window of them, linear attention, dense feed-forward layers, mixtures of experts, and the tensors that
lie in memory but are not read for a token (vision, multi-token prediction).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tokonomics.catalog.attention import Attention, Indexer, LatentAttention, Pooling, SharedKeyAttention
from tokonomics.catalog.linear_attention import LinearAttention
from tokonomics.catalog.mlp import DenseMlp, Experts

Mixer = Attention | LatentAttention | SharedKeyAttention | LinearAttention
"""What moves information between tokens in a layer."""

_MTP_NORM_VECTORS = 3
"""A prediction layer norms the embedding and the state it joins, and its own output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionLayers:
    """`num_layers` layers that predict further tokens: a projection of (state, embedding), attention and an MLP.

    `num_table_copies`: how many copies of the embedding and head tables a checkpoint stores with each layer; engines
    use the model's own instead.
    """

    num_layers: int
    has_window_attention: bool = False
    has_experts: bool = False
    num_table_copies: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """Dimensions of a decoder. A part that a model lacks is None; a count it lacks is 0.

    `window` attends to the last `window_tokens` only. `pooled` sees older tokens pooled, in layers that `window`
    counts already. `num_norm_vectors` of `hidden_size` a layer and `num_final_norm_vectors` at the end: a norm with a
    bias has two. `num_streams`: parallel residual streams mixed in every layer (hyper-connections).
    """

    num_layers: int
    hidden_size: int
    vocab_size: int
    has_tied_embeddings: bool
    stores_tied_head: bool = False
    has_head_bias: bool = False
    num_norm_vectors: int = 2
    num_final_norm_vectors: int = 1
    num_streams: int = 1
    full: Attention | LatentAttention | None = None
    window: Attention | SharedKeyAttention | None = None
    window_tokens: int = 0
    pooled: tuple[Pooling, ...] = ()
    indexer: Indexer | None = None
    linear: LinearAttention | None = None
    mlp: DenseMlp | None = None
    experts: Experts | None = None
    prediction: PredictionLayers | None = None
    vision_params: int = 0

    @property
    def mixers(self) -> tuple[Mixer, ...]:
        """The attention parts that the model has."""
        return tuple(part for part in (self.full, self.window, self.linear) if part is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParamCounts:
    """Number of parameters, by part and for all layers together.

    `head` is 0 when it is the embedding table itself. `mlp` holds dense layers and shared experts, `experts` all
    routed experts, `active_experts` those that one token visits. `norms` holds layer norms, the bias of the head and
    residual mixing; biases and norms inside a part are counted with the part. `vision` and `mtp` (multi-token
    prediction) lie in memory and are not read for a token. `duplicates` are tables that a checkpoint stores twice.
    """

    embedding: int
    head: int
    attention: int
    mlp: int
    router: int
    experts: int
    active_experts: int
    norms: int
    vision: int
    mtp: int
    duplicates: int

    @property
    def backbone(self) -> int:
        """Parameters of the text model."""
        return self.embedding + self.head + self.attention + self.mlp + self.router + self.experts + self.norms

    @property
    def total(self) -> int:
        """Parameters that lie in memory: the text model, vision and multi-token prediction."""
        return self.backbone + self.vision + self.mtp

    @property
    def stored(self) -> int:
        """Parameters that the published files hold, tables stored twice included."""
        return self.total + self.duplicates

    @property
    def active(self) -> int:
        """Parameters that one token touches: the text model (both tables) without the experts it is not routed to."""
        return self.backbone - self.experts + self.active_experts


def count_params(arch: Architecture) -> ParamCounts:
    """Count the parameters of `arch` from its dimensions alone.

    >>> llama = Architecture(
    ...     num_layers=80, hidden_size=8192, vocab_size=128256, has_tied_embeddings=False,
    ...     full=Attention(num_layers=80, num_heads=64, num_kv_heads=8, head_dim=128, value_head_dim=128),
    ...     mlp=DenseMlp(num_layers=80, size=28672))
    >>> count_params(llama).total
    70553706496
    """
    hidden, experts = arch.hidden_size, arch.experts
    table = arch.vocab_size * hidden
    one_expert = experts.expert_params(hidden) * experts.num_layers if experts else 0
    return ParamCounts(
        embedding=table,
        head=0 if arch.has_tied_embeddings else table,
        attention=sum(part.num_layers * part.params_per_layer(hidden) for part in _attention_parts(arch)),
        mlp=_mlp_params(arch),
        router=experts.num_layers * experts.router_params_per_layer(hidden) if experts else 0,
        experts=one_expert * experts.num_experts if experts else 0,
        active_experts=one_expert * experts.num_active if experts else 0,
        norms=_norm_params(arch),
        vision=arch.vision_params,
        mtp=_prediction_params(arch),
        duplicates=table * _num_duplicate_tables(arch),
    )


def _attention_parts(arch: Architecture) -> Iterator[Mixer | Pooling | Indexer]:
    yield from arch.mixers
    yield from arch.pooled
    if arch.indexer is not None:
        yield arch.indexer


def _mlp_params(arch: Architecture) -> int:
    dense = arch.mlp.num_layers * arch.mlp.params_per_layer(arch.hidden_size) if arch.mlp else 0
    shared = arch.experts.num_layers * arch.experts.shared_params_per_layer(arch.hidden_size) if arch.experts else 0
    return dense + shared


def _norm_params(arch: Architecture) -> int:
    layers = arch.num_layers * (arch.num_norm_vectors * arch.hidden_size + _stream_params_per_layer(arch))
    final = arch.num_final_norm_vectors * arch.hidden_size + _stream_params_at_head(arch)
    return layers + final + arch.vocab_size * arch.has_head_bias


def _stream_params_per_layer(arch: Architecture) -> int:
    """Two mixings (before attention and before the MLP) of n streams: n+2 weights for each of n rows, and scales."""
    n = arch.num_streams
    return 0 if n == 1 else 2 * ((n + 2) * n * (n * arch.hidden_size + 1) + 3)


def _stream_params_at_head(arch: Architecture) -> int:
    n = arch.num_streams
    return 0 if n == 1 else n * (n * arch.hidden_size + 1) + 1


def _prediction_params(arch: Architecture) -> int:
    ahead, hidden = arch.prediction, arch.hidden_size
    if ahead is None:
        return 0
    attention = arch.window if ahead.has_window_attention else arch.full
    norms = (arch.num_norm_vectors + _MTP_NORM_VECTORS) * hidden
    streams = _stream_params_per_layer(arch) + _stream_params_at_head(arch)
    index = arch.indexer.params_per_layer(hidden) if arch.indexer and not arch.indexer.pooling else 0
    block = (attention.params_per_layer(hidden) if attention else 0) + index + _prediction_mlp_params(arch)
    return ahead.num_layers * (2 * hidden * hidden + block + norms + streams)


def _prediction_mlp_params(arch: Architecture) -> int:
    hidden, experts = arch.hidden_size, arch.experts
    if arch.prediction and arch.prediction.has_experts and experts:
        routed = experts.num_experts * experts.expert_params(hidden)
        return routed + experts.shared_params_per_layer(hidden) + experts.router_params_per_layer(hidden)
    return arch.mlp.params_per_layer(hidden) if arch.mlp else 0


def _num_duplicate_tables(arch: Architecture) -> int:
    ahead = arch.prediction.num_layers * arch.prediction.num_table_copies if arch.prediction else 0
    return ahead + (arch.has_tied_embeddings and arch.stores_tied_head)
