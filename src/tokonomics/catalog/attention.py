"""Softmax attention by its dimensions: parameters, cached elements and work of one layer.

Three shapes cover the published models: heads with their own keys and values (multi-head, grouped, multi-query),
a latent from which keys and values are expanded (MLA), and one vector that is both key and value, with older
tokens pooled into fewer entries. Every shape answers the same questions, so whoever counts need not know which.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """`num_layers` layers with `num_heads` query heads over `num_kv_heads` cached key and value heads.

    `bias` is "none", "qkv" or "qkvo". `norm` (of queries and keys) and `gate` (of the output) are "none", "head" or
    "width": one norm vector of a head or of the whole projection; one gate a head or an element.
    """

    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    value_head_dim: int
    bias: str = "none"
    norm: str = "none"
    gate: str = "none"
    has_sinks: bool = False
    shares_kv_projection: bool = False

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of the projections, their biases, norms, gate and sinks.

        >>> llama_70b = Attention(num_layers=80, num_heads=64, num_kv_heads=8, head_dim=128, value_head_dim=128)
        >>> llama_70b.params_per_layer(8192)
        150994944
        """
        query, key = self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        value, output = self.num_kv_heads * self.value_head_dim, self.num_heads * self.value_head_dim
        projected = query + key + (0 if self.shares_kv_projection else value)
        bias = {"none": 0, "qkv": projected, "qkvo": projected + hidden_size}[self.bias]
        norm = {"none": 0, "head": 2 * self.head_dim, "width": query + key}[self.norm]
        gate = hidden_size * {"none": 0, "head": self.num_heads, "width": output}[self.gate]
        return hidden_size * (projected + output) + bias + norm + gate + self.num_heads * self.has_sinks

    @property
    def kv_elements_per_layer(self) -> int:
        """Elements of keys and values that one layer caches for a token; a shared projection still caches both."""
        return self.num_kv_heads * (self.head_dim + self.value_head_dim)

    @property
    def flop_per_token_pair(self) -> int:
        """FLOP of one layer for one (query token, key token) pair: two per multiply-add, scores and values."""
        return 2 * self.num_heads * (self.head_dim + self.value_head_dim)

    @property
    def decode_flop_per_token_pair(self) -> int:
        """The same while decoding, which reads what is cached: no different here."""
        return self.flop_per_token_pair


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: a token caches one latent of `kv_rank` and one rotated key of `rope_head_dim`.

    `head_dim` is the whole query head, rotated and unrotated part together. `q_rank=0`: queries are not compressed.
    """

    num_layers: int
    num_heads: int
    head_dim: int
    rope_head_dim: int
    value_head_dim: int
    q_rank: int
    kv_rank: int
    gate: str = "none"

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of the down and up projections, the norms between them, the output and its gate.

        >>> deepseek_v3 = LatentAttention(num_layers=61, num_heads=128, head_dim=192, rope_head_dim=64,
        ...                               value_head_dim=128, q_rank=1536, kv_rank=512)
        >>> deepseek_v3.params_per_layer(7168)
        187107328
        """
        query, output = self.num_heads * self.head_dim, self.num_heads * self.value_head_dim
        up_keys = self.num_heads * (self.head_dim - self.rope_head_dim)
        queries = (hidden_size + query + 1) * self.q_rank if self.q_rank else hidden_size * query
        latent = hidden_size * (self.kv_rank + self.rope_head_dim) + self.kv_rank * (up_keys + output + 1)
        gate = hidden_size * {"none": 0, "head": self.num_heads, "width": output}[self.gate]
        return queries + latent + output * hidden_size + gate

    @property
    def kv_elements_per_layer(self) -> int:
        """Elements that one layer caches for a token: the latent and the rotated key, whatever the heads."""
        return self.kv_rank + self.rope_head_dim

    @property
    def flop_per_token_pair(self) -> int:
        """FLOP of one layer for one token pair in prefill, where the latent is expanded into heads."""
        return 2 * self.num_heads * (self.head_dim + self.value_head_dim)

    @property
    def decode_flop_per_token_pair(self) -> int:
        """FLOP of one layer for one token pair in decode, where every head works on the latent itself."""
        return 2 * self.num_heads * (2 * self.kv_rank + self.rope_head_dim)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedKeyAttention:
    """Attention whose one cached vector of `head_dim` is key and value of all heads, with a grouped output projection.

    Source: DeepSeek-V4 published configuration and modelling code.
    """

    num_layers: int
    num_heads: int
    head_dim: int
    q_rank: int
    o_rank: int
    num_o_groups: int

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of queries (low rank), the shared vector, the grouped output and one sink a head."""
        query = self.num_heads * self.head_dim
        queries = (hidden_size + query + 1) * self.q_rank
        shared = (hidden_size + 1) * self.head_dim
        return queries + shared + (query + self.num_o_groups * hidden_size) * self.o_rank + self.num_heads

    @property
    def kv_elements_per_layer(self) -> int:
        """Elements that one layer caches for a token: one vector serves as key and as value."""
        return self.head_dim

    @property
    def flop_per_token_pair(self) -> int:
        """FLOP of one layer for one pair of a query token and a cached vector."""
        return 4 * self.num_heads * self.head_dim

    @property
    def decode_flop_per_token_pair(self) -> int:
        """The same while decoding."""
        return self.flop_per_token_pair


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooling:
    """`num_layers` layers that also attend to all older tokens, pooled into entries.

    One entry of `entry_dim` stands for `tokens_per_entry` tokens. `num_streams` is 2 where neighbouring pools
    overlap, else 1.
    """

    num_layers: int
    tokens_per_entry: int
    entry_dim: int
    num_streams: int

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of the value and gate projections, the position bias of a pool, and a norm."""
        return (2 * hidden_size + self.tokens_per_entry) * self.num_streams * self.entry_dim + self.entry_dim

    @property
    def kv_elements_per_token(self) -> int:
        """Elements that all the layers together add to the cache per token."""
        return self.num_layers * self.entry_dim // self.tokens_per_entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexer:
    """`num_layers` small attentions that pick the `selected_tokens` a sparse layer attends to, one cached key a token.

    `query_size` is the width its queries are projected from; `weighs_heads`: a learnt weight a head; `pooling`: its
    keys are pooled as the layer's own entries are, instead of one a token.
    """

    num_layers: int
    num_heads: int
    head_dim: int
    selected_tokens: int
    query_size: int
    weighs_heads: bool
    pooling: Pooling | None = None

    def params_per_layer(self, hidden_size: int) -> int:
        """Parameters of queries, keys, two vectors of key norm and the weights of the heads."""
        weights = hidden_size * self.num_heads * self.weighs_heads
        keys = self.pooling.params_per_layer(hidden_size) if self.pooling else (hidden_size + 2) * self.head_dim
        return self.query_size * self.num_heads * self.head_dim + keys + weights

    @property
    def kv_elements_per_token(self) -> int:
        """Elements of keys that all the layers together cache per token."""
        if self.pooling:
            return self.pooling.kv_elements_per_token
        return self.num_layers * self.head_dim

    @property
    def flop_per_token_pair(self) -> int:
        """FLOP of all the layers together for one token pair."""
        entries = self.pooling.tokens_per_entry if self.pooling else 1
        return 2 * self.num_layers * self.num_heads * self.head_dim // entries
