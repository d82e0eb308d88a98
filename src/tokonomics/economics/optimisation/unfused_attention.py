"""Attention before FlashAttention: scores and probabilities go to memory and come back.

The fused kernel keeps them on the chip. So it saves traffic in proportion to heads x context, and the memory of whole
score matrices while a prompt is read. At short contexts both are small: the weights are the traffic of a decode step.
"""

from dataclasses import dataclass, replace

from tokonomics.physics.capacity import MemoryBox
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.step import StepModel

_SCORE_BYTES = 2.0
"""Scores are kept in 16 bit, whatever the format of weights and cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreTraffic:
    """What one accelerator moves and holds of scores.

    `full_bytes_per_token` and `window_bytes_per_token` are moved for one query and one token of its context, summed
    over layers that see all tokens and layers with a window; `alive_bytes` is held while a prompt is read.
    """

    full_bytes_per_token: float
    window_bytes_per_token: float
    alive_bytes: float


def score_traffic(
    dep: Deployment, prompt_tokens: float, *, num_score_passes: float, num_live_score_matrices: float
) -> ScoreTraffic:
    """Bytes of scores of `dep` for prompts read whole, `prompt_tokens` at a time, one layer after another.

    Source: Dao and others 2022, arXiv:2205.14135, algorithm 0.
    """
    kv, one_layer = dep.model.kv, dep.model.num_heads * _SCORE_BYTES
    passes = num_score_passes * one_layer / dep.num_gpus
    is_sparse = kv.selected_tokens > 0  # its layers score the selected tokens only, as if these were a window
    return ScoreTraffic(
        full_bytes_per_token=0.0 if is_sparse else passes * kv.num_full_layers,
        window_bytes_per_token=passes * (kv.num_window_layers + kv.num_full_layers * is_sparse),
        alive_bytes=num_live_score_matrices * one_layer * prompt_tokens**2 / dep.tensor_parallel,
    )


def with_scores(step: StepModel, traffic: ScoreTraffic) -> StepModel:
    """The coefficients of a step that moves its scores through memory.

    Decoding sequences read them beside their cache; prompts spend the time of the traffic on top of the arithmetic,
    which is written as the FLOP that would take as long.
    """
    flop_per_byte = step.attention_flop_per_s / step.memory_bytes_per_s
    return replace(
        step,
        kv_bytes_per_token=step.kv_bytes_per_token + traffic.full_bytes_per_token,
        window_bytes_per_token=step.window_bytes_per_token + traffic.window_bytes_per_token,
        attention_flop_per_token=step.attention_flop_per_token + traffic.full_bytes_per_token * flop_per_byte,
        window_flop_per_token=step.window_flop_per_token + traffic.window_bytes_per_token * flop_per_byte,
    )


def holding_scores(box: MemoryBox, traffic: ScoreTraffic) -> MemoryBox:
    """The memory that is left beside the score matrices of a prompt."""
    return replace(box, activation_bytes=box.activation_bytes + traffic.alive_bytes)
