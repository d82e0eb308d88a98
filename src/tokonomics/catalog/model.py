"""A model: who published it and under which terms, and the dimensions from which everything else is computed."""

from dataclasses import dataclass, field

from tokonomics.catalog.architecture import Architecture, ParamCounts, count_params
from tokonomics.catalog.kv_shape import KvShape, kv_shape


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One open-weight model.

    `native_format` is the format that the weights are published in; `published_params` the total that the published
    files hold, which the computed `params.stored` is checked against; `vendor_active_params` what the vendor says a
    token touches (vendors count differently). `status`: "published" when every dimension is in a published
    configuration, "approximate" when a named part is left out, "user" for a model that is not in our table.
    """

    id: str
    hf_id: str
    architecture: Architecture
    native_format: str
    released_on: str = ""
    licence: str = ""
    max_context_tokens: int | None = None
    published_params: int | None = None
    vendor_active_params: int | None = None
    status: str
    source: str
    notes: str = ""
    params: ParamCounts = field(init=False, repr=False, compare=False)
    kv: KvShape = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Count once: records are read far more often than made."""
        object.__setattr__(self, "params", count_params(self.architecture))
        object.__setattr__(self, "kv", kv_shape(self.architecture))

    @property
    def num_layers(self) -> int:
        """Layers, as the model's configuration counts them."""
        return self.architecture.num_layers

    @property
    def hidden_size(self) -> int:
        """Width of the residual stream."""
        return self.architecture.hidden_size

    @property
    def vocab_size(self) -> int:
        """Rows of the embedding table."""
        return self.architecture.vocab_size

    @property
    def num_heads(self) -> int:
        """Query heads of the layers that see all tokens, else of those with a window; 0 without softmax attention."""
        part = self.architecture.full or self.architecture.window
        return part.num_heads if part else 0

    @property
    def num_kv_heads(self) -> int:
        """Key and value heads into which the cache can be split; 1 for a latent cache."""
        return self.kv.num_kv_heads

    @property
    def is_moe(self) -> bool:
        """Whether a token visits some of many experts."""
        return self.architecture.experts is not None

    @property
    def num_experts(self) -> int:
        """Routed experts in a mixture layer; 0 if dense."""
        return self.architecture.experts.num_experts if self.architecture.experts else 0

    @property
    def num_active_experts(self) -> int:
        """Routed experts that a token visits in a mixture layer; 0 if dense."""
        return self.architecture.experts.num_active if self.architecture.experts else 0

    @property
    def num_moe_layers(self) -> int:
        """Layers with routed experts; 0 if dense."""
        return self.architecture.experts.num_layers if self.architecture.experts else 0
