"""Time of one forward step, in closed form and over whole arrays of operating points.

    step(B, P, c) = overhead + per_sequence*B + prompt_step + gemm(B + P) + attention(B, c, P) + communication(B + P)

B sequences decode one token each with mean context c, while P prompt tokens are prefilled beside them. See
`docs/model-cards/step-time.md` for the reasons of each term.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.errors import MissingFact, raise_all
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.formats import compute_rate_flop_per_s
from tokonomics.physics.kv_cache import kv_bytes
from tokonomics.physics.weights import shard_weight_bytes

Floats = NDArray[np.float64]

_COLLECTIVES_PER_LAYER = 2
_ACTIVATION_BYTES = 2.0
REGIMES = ("bandwidth", "compute", "communication", "overhead")
"""What can bind a step; `capacity` binds a batch and is named by `steady`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepModel:
    """The coefficients of the step time of one deployment, or of many as arrays that broadcast.

    Bytes and FLOP are those of one accelerator of one pipeline stage; rates are already derated. Everything a
    simulator needs of the physics is here, and so are the terms of the time of a request outside the steps: a request
    pays `request_overhead_s` and `token_overhead_s` a prompt token at the front end, and begins `num_admission_steps`
    decode steps after a busy engine could have begun it.
    """

    overhead_s: Floats
    sequence_overhead_s: Floats
    prompt_overhead_s: Floats
    dense_bytes: Floats
    expert_bytes: Floats
    routed_frac: Floats
    memory_bytes_per_s: Floats
    gemm_flop_per_token: Floats
    gemm_flop_per_s: Floats
    gemm_floor_tokens: Floats
    kv_bytes_per_token: Floats
    window_bytes_per_token: Floats
    window_tokens: Floats
    state_bytes: Floats
    kv_bytes_per_s: Floats
    decode_flop_per_token: Floats
    attention_flop_per_token: Floats
    window_flop_per_token: Floats
    attention_flop_per_s: Floats
    collective_s: Floats
    link_bytes_per_token: Floats
    link_bytes_per_s: Floats
    num_stages: Floats
    request_overhead_s: Floats
    token_overhead_s: Floats
    num_admission_steps: Floats

    def column(self) -> Self:
        """Turn coefficients of shape (n,) into (n, 1), so that they broadcast against a row of points."""
        return replace(self, **{f.name: getattr(self, f.name)[..., None] for f in fields(self)})

    def pick(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Select deployments by `index` (integers or a mask) from coefficients of shape (n,)."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """Time of a step by its terms, seconds, all of one broadcast shape."""

    weight_read_s: Floats
    gemm_compute_s: Floats
    gemm_s: Floats
    decode_attention_s: Floats
    prefill_attention_s: Floats
    communication_s: Floats
    overhead_s: Floats

    @property
    def total_s(self) -> Floats:
        """The whole step."""
        return self.gemm_s + self.decode_attention_s + self.prefill_attention_s + self.communication_s + self.overhead_s

    @property
    def binds(self) -> NDArray[np.str_]:
        """Name of the largest share of the step: one of `REGIMES`."""
        memory_bound = self.weight_read_s >= self.gemm_compute_s
        bandwidth = self.decode_attention_s + np.where(memory_bound, self.gemm_s, 0.0)
        compute = self.prefill_attention_s + np.where(memory_bound, 0.0, self.gemm_s)
        shares = np.stack(np.broadcast_arrays(bandwidth, compute, self.communication_s, self.overhead_s))
        names: NDArray[np.str_] = np.asarray(REGIMES)[np.argmax(shares, axis=0)]
        return names


def step_time(
    model: StepModel,
    batch: ArrayLike,
    context_tokens: ArrayLike,
    prefill_tokens: ArrayLike = 0.0,
    prefill_context_tokens: ArrayLike = 0.0,
    *,
    has_prompt: ArrayLike | None = None,
) -> StepTime:
    """Time of a step, broadcast over deployments and operating points.

    Args: `batch` sequences decoding (>= 0); `context_tokens` their mean context; `prefill_tokens` prompt tokens
    processed in the same step; `prefill_context_tokens` mean number of earlier tokens each of them attends to.
    `has_prompt` says whether a prompt is among the prefilled tokens: None where there are any; drafts that are verified
    are prefilled too, but in the captured steps of decoding.
    With pipeline stages a sequence passes all of them, each carrying a share of the batch.
    """
    m = model
    stages = m.num_stages
    decode = np.asarray(batch, dtype=float) / stages
    prefill = np.asarray(prefill_tokens, dtype=float) / stages
    rows = decode + prefill
    prompts = prefill > 0.0 if has_prompt is None else np.asarray(has_prompt, dtype=bool)
    weight_read = _read_bytes(m, rows) / m.memory_bytes_per_s
    compute = m.gemm_flop_per_token * (rows + m.gemm_floor_tokens) / m.gemm_flop_per_s
    return StepTime(
        weight_read_s=stages * weight_read,
        gemm_compute_s=stages * compute,
        gemm_s=stages * _blend(weight_read, compute),
        decode_attention_s=stages * decode * _decode_attention_s(m, context_tokens),
        prefill_attention_s=stages * prefill * _pair_flop(m, prefill_context_tokens) / m.attention_flop_per_s,
        communication_s=stages * (m.collective_s + rows * m.link_bytes_per_token / m.link_bytes_per_s),
        overhead_s=m.overhead_s + m.sequence_overhead_s * decode * stages + m.prompt_overhead_s * prompts,
    )


def _read_bytes(m: StepModel, rows: Floats) -> Floats:
    """Weights read by a step of `rows` tokens: all dense ones, and the experts the rows touch.

    Each row picks a share `routed_frac` of the experts; the expected share of distinct experts touched by
    independent rows is 1 - (1 - routed_frac)**rows.
    """
    experts = m.expert_bytes
    if not np.any(experts):
        return np.asarray(m.dense_bytes + 0.0 * rows)
    untouched = np.exp(rows * np.log1p(-np.minimum(m.routed_frac, 1.0 - 1e-12)))
    return np.asarray(m.dense_bytes + experts * (1.0 - untouched))


def _blend(memory_s: Floats, compute_s: Floats) -> Floats:
    """Smooth maximum of two times that overlap, as the 4-norm: never below either, 19 % above where they tie."""
    return np.asarray(np.sqrt(np.sqrt(memory_s**4 + compute_s**4)))


def _decode_attention_s(m: StepModel, context_tokens: ArrayLike) -> Floats:
    """Attention of one decoding sequence: its cache is read while its scores are computed.

    Only a latent cache, read once for all heads, comes near to being bound by the arithmetic.
    """
    context = np.asarray(context_tokens, dtype=float)
    window = np.minimum(context, m.window_tokens)
    read = context * m.kv_bytes_per_token + window * m.window_bytes_per_token + m.state_bytes
    flop = context * m.decode_flop_per_token
    return np.asarray(np.maximum(read / m.kv_bytes_per_s, flop / m.attention_flop_per_s))


def _pair_flop(m: StepModel, context_tokens: ArrayLike) -> Floats:
    """Attention FLOP of one prompt token that attends to `context_tokens` earlier ones."""
    context = np.asarray(context_tokens, dtype=float)
    window = np.minimum(context, m.window_tokens)
    return np.asarray(context * m.attention_flop_per_token + window * m.window_flop_per_token)


def prefill_time_s(
    model: StepModel, input_tokens: ArrayLike, *, step_budget_tokens: float, batch: ArrayLike = 0.0
) -> Floats:
    """Time to prefill prompts of `input_tokens`, in chunks of at most `step_budget_tokens`, beside `batch` decoders.

    The context of the decoders is left out: it is part of the decode work, not of the prompt's.
    """
    tokens = np.asarray(input_tokens, dtype=float)
    num_steps = np.maximum(np.ceil(tokens / step_budget_tokens), 1.0)
    step = step_time(model, batch, 0.0, tokens / num_steps, tokens / 2.0)
    return np.asarray(num_steps * step.total_s)


def stack_step_models(models: list[StepModel]) -> StepModel:
    """Stack the coefficients of n deployments into one StepModel of arrays of shape (n,)."""
    return StepModel(
        **{f.name: np.array([getattr(one, f.name) for one in models], dtype=float) for f in fields(StepModel)}
    )


def step_model(dep: Deployment) -> StepModel:
    """Coefficients of the step time of `dep`; MissingFact lists every rate that the catalogue lacks."""
    bandwidth = _bandwidth_bytes_per_s(dep)
    _, rate = compute_rate_flop_per_s(dep.accelerator, dep.precision)
    attention_rate = dep.accelerator.dense_flop_per_s.get("bf16", rate)  # scores stay in 16 bit
    k = dep.constants
    weights = shard_weight_bytes(dep)
    return _coefficients(
        overhead_s=k.step_overhead_s + k.layer_overhead_s * dep.model.num_layers,
        sequence_overhead_s=k.sequence_overhead_s,
        prompt_overhead_s=k.prompt_layer_overhead_s * dep.model.num_layers,
        dense_bytes=weights.dense_bytes,
        expert_bytes=weights.expert_bytes * _expert_imbalance(dep),
        routed_frac=_routed_frac(dep),
        memory_bytes_per_s=bandwidth * k.memory_efficiency_frac,
        gemm_flop_per_token=2.0 * _multiplied_params(dep) / dep.num_gpus,
        gemm_flop_per_s=rate * k.compute_efficiency_frac,
        gemm_floor_tokens=k.gemm_floor_tokens,
        **_attention_terms(dep),
        kv_bytes_per_s=bandwidth * k.kv_efficiency_frac,
        attention_flop_per_s=attention_rate * k.attention_efficiency_frac,
        collective_s=_collective_s(dep),
        link_bytes_per_token=_link_bytes_per_token(dep),
        link_bytes_per_s=(dep.accelerator.link_bytes_per_s or np.inf) * k.link_efficiency_frac,
        num_stages=dep.pipeline_parallel,
        request_overhead_s=k.request_overhead_s,
        token_overhead_s=k.token_overhead_s,
        num_admission_steps=k.num_admission_steps,
    )


def _coefficients(**terms: float) -> StepModel:
    """A StepModel of zero-dimensional arrays, so that one deployment and many are the same thing."""
    return StepModel(**{name: np.asarray(value, dtype=float) for name, value in terms.items()})


def _bandwidth_bytes_per_s(dep: Deployment) -> float:
    """Memory bandwidth, once all rates that the deployment needs are known."""
    part = dep.accelerator
    needs = {"memory bandwidth": part.memory_bandwidth_bytes_per_s}
    if dep.num_gpus > 1:
        needs["link rate"] = part.link_bytes_per_s
    advice = f"so {dep.name} cannot be timed; add it or choose another"
    gaps = [f"{part.id} has no {name} in the catalogue, {advice}" for name, value in needs.items() if value is None]
    raise_all(gaps, MissingFact)
    return float(part.memory_bandwidth_bytes_per_s or 0.0)


def _multiplied_params(dep: Deployment) -> float:
    """Parameters a token is multiplied with: the active ones, the input table excepted (it is looked up)."""
    params = dep.model.params
    looked_up = params.embedding if params.head else 0
    experts = params.experts * _routed_frac(dep)
    return params.active - looked_up + experts * (_expert_imbalance(dep) - 1.0)


def _expert_imbalance(dep: Deployment) -> float:
    """Work of the busiest rank over the mean: whole experts on a rank are never asked for evenly."""
    return dep.constants.expert_imbalance_ratio if dep.expert_parallel and dep.tensor_parallel > 1 else 1.0


def _attention_terms(dep: Deployment) -> dict[str, float]:
    """Bytes read and FLOP per token of context.

    Sparse layers score every token with the small index attention and read only the selected ones, which makes
    them a window for the reads while the memory they hold keeps growing.
    """
    kv, shape, shards = kv_bytes(dep), dep.model.kv, dep.num_gpus
    terms = {
        "kv_bytes_per_token": kv.full_bytes_per_token,
        "window_bytes_per_token": kv.window_bytes_per_token,
        "window_tokens": kv.window_tokens,
        "attention_flop_per_token": float(shape.attention_flop_per_token_pair),
        "window_flop_per_token": float(shape.window_flop_per_token_pair),
        "decode_flop_per_token": float(shape.decode_flop_per_token_pair),
    }
    if shape.selected_tokens:
        terms |= {
            "kv_bytes_per_token": kv.index_bytes_per_token,
            "window_bytes_per_token": kv.full_bytes_per_token,
            "window_tokens": kv.selected_tokens,
            "attention_flop_per_token": float(shape.index_flop_per_token_pair),
            "window_flop_per_token": float(shape.attention_flop_per_token_pair),
            "decode_flop_per_token": float(shape.index_flop_per_token_pair),
        }
    for name in ("attention_flop_per_token", "window_flop_per_token", "decode_flop_per_token"):
        terms[name] /= shards
    return {**terms, "state_bytes": kv.state_bytes}


def _routed_frac(dep: Deployment) -> float:
    return dep.model.num_active_experts / dep.model.num_experts if dep.model.is_moe else 0.0


def _collective_s(dep: Deployment) -> float:
    """Latency of the collectives of one stage: two a layer under tensor parallelism."""
    if dep.tensor_parallel == 1:
        return 0.0
    layers = dep.model.num_layers / dep.pipeline_parallel
    return _COLLECTIVES_PER_LAYER * layers * dep.constants.collective_latency_s


def _link_bytes_per_token(dep: Deployment) -> float:
    """Bytes one accelerator sends a token and stage.

    A ring all-reduce moves 2(tp-1)/tp of the hidden state; it follows attention (unless that is data-parallel) and the
    MLP. With expert parallelism a mixture layer instead sends each token to its experts and back: 2 x active experts x
    (tp-1)/tp hidden states, a tp-th of the tokens from each rank.
    """
    tp, model = dep.tensor_parallel, dep.model
    away = (tp - 1) / tp
    attention = 0.0 if dep.attention_data_parallel else 2.0 * away * model.num_layers
    routed = model.num_moe_layers if dep.expert_parallel else 0
    mlp = 2.0 * away * (model.num_layers - routed) + 2.0 * away * model.num_active_experts / tp * routed
    return (attention + mlp) / dep.pipeline_parallel * model.hidden_size * _ACTIVATION_BYTES
