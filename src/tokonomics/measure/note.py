"""What the note of a measurement says beside its columns: layout, number of requests, and why to leave it out."""

import re
from dataclasses import dataclass

from tokonomics.measure.names import name_rows

_ATTENTION_DP = re.compile(r"attention DP (\d+)")
_EXPERT_RANKS = re.compile(r"MoE TP (\d+); MoE EP (\d+)")
_REQUESTS = re.compile(r"\b(?:all )?(\d[\d,]*) (?:requests|prompts)\b|peak concurrent (\d+)")
_MAX_SEQUENCES = re.compile(r"max[-_]num[-_]seqs[= ](\d+)|max-running-requests[= ](\d+)")
_STEP_BUDGET = re.compile(r"max[-_]num[-_]batched[-_]tokens[= ](\d+)|llama-bench \S+ \S+ -b (\d+)")
_ARRIVAL_SHAPE = re.compile(r"burstiness\(gamma\)=(\d+(?:\.\d+)?)")
_DEPTH = re.compile(r"at context depth (\d+)")
_DECODE_ONLY = ("generation only", "separate phases", "probably decode")


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Facts read from a note; None is "not said".

    `attention_dp` is the degree of attention data parallelism; `expert_ranks` what a mixture's experts are cut and
    spread over, 1 each where nothing is said. `depth_tokens` are already in the cache when a measured
    prompt begins. `arrival_shape_ratio` is the shape of Gamma gaps between requests, 1 for Poisson arrivals.
    `is_decode_only` says that the output rate leaves the prompt's time out. `exclusion` names why the row judges
    nothing, "" when it does.
    """

    attention_dp: int
    expert_ranks: tuple[int, int]
    num_requests: int | None
    max_sequences: int | None
    step_budget_tokens: int | None
    depth_tokens: int
    arrival_shape_ratio: float
    is_decode_only: bool
    exclusion: str

    @property
    def has_attention_dp(self) -> bool:
        """Whether every rank keeps the KV cache of its own sequences."""
        return self.attention_dp > 1 or self.exclusion == "dp attention"


def read_note(note: str) -> Note:
    """Read `note`.

    >>> read_note("attention DP 4; MoE TP 1").attention_dp, read_note("SUSPICIOUS: slow").exclusion
    (4, 'suspicious')
    """
    return Note(
        attention_dp=max(_first(_ATTENTION_DP, note) or 1, 1),
        expert_ranks=_expert_ranks(note),
        num_requests=_first(_REQUESTS, note),
        max_sequences=_first(_MAX_SEQUENCES, note),
        step_budget_tokens=_first(_STEP_BUDGET, note),
        depth_tokens=_first(_DEPTH, note) or 0,
        arrival_shape_ratio=_arrival_shape_ratio(note),
        is_decode_only=any(words in note for words in _DECODE_ONLY),
        exclusion=next((row["group"] for row in name_rows("exclusions") if row["marker"].lower() in note.lower()), ""),
    )


def _first(pattern: re.Pattern[str], note: str) -> int | None:
    match = pattern.search(note)
    if match is None:
        return None
    return int(next(group for group in match.groups() if group).replace(",", "")) or None


def _expert_ranks(note: str) -> tuple[int, int]:
    match = _EXPERT_RANKS.search(note)
    return (max(int(match.group(1)), 1), max(int(match.group(2)), 1)) if match else (1, 1)


def _arrival_shape_ratio(note: str) -> float:
    match = _ARRIVAL_SHAPE.search(note)
    return (float(match.group(1)) if match else 0.0) or 1.0
