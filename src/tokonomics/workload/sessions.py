"""Conversations: each turn asks with all turns before it as its context, so its prefix was seen before."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.bounds import MAX_TOKENS_PER_REQUEST, length_problems, positive_problems, range_problems
from tokonomics.workload.copies import checked_num_requests
from tokonomics.workload.prefix import BlockHashes, IntArray
from tokonomics.workload.renewal import unit_gaps_s
from tokonomics.workload.trace import Trace

_MAX_BLOCKS: Final = 300_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionShape:
    """What a conversation is like.

    mean_turns_ratio: turns per session, geometric from 1 up.  turn_gap_s: mean time between the arrivals of two turns
    (answer and thinking), Gamma of turn_gap_cv.  system_tokens: shared by all sessions, before the first turn.
    max_context_tokens: a session ends before a turn whose input and output exceed it.
    tokens_per_block: length of a prefix block, None for no block ids.
    """

    mean_turns_ratio: float
    turn_gap_s: float
    turn_gap_cv: float = 1.0
    system_tokens: int = 0
    max_context_tokens: int = int(MAX_TOKENS_PER_REQUEST)
    tokens_per_block: int | None = None

    def __post_init__(self) -> None:
        raise_all(_shape_problems(self))


def session_trace(
    starts_s: FloatArray,
    shape: SessionShape,
    rng: np.random.Generator,
    *,
    prompt_tokens: FloatArray,
    answer_tokens: FloatArray,
    name: str = "sessions",
) -> Trace:
    """Sessions that begin at `starts_s`; every turn adds a prompt and an answer drawn from the paired samples.

    Input of a turn = system + all earlier prompts and answers + its prompt. Requests are in the order of arrival;
    session_ids count sessions from 0. Blocks that lie whole within the context before are those of earlier turns.
    Raises:    InputError on samples or starts out of bounds, and when a first turn already exceeds the context.
    """
    _check_samples(starts_s, prompt_tokens, answer_tokens, shape)
    num_turns = rng.geometric(1.0 / shape.mean_turns_ratio, starts_s.size)
    checked_num_requests(float(num_turns.sum()))
    firsts = np.cumsum(num_turns) - num_turns
    session = np.repeat(np.arange(starts_s.size), num_turns)
    drawn = rng.integers(0, prompt_tokens.size, session.size)
    prompts, answers = np.rint(prompt_tokens[drawn]), np.rint(answer_tokens[drawn])
    inputs = shape.system_tokens + _running(prompts + answers, firsts, num_turns) - answers
    gaps_s = unit_gaps_s(rng, session.size, cv=shape.turn_gap_cv, family="gamma") * shape.turn_gap_s
    gaps_s[firsts] = 0.0
    arrivals_s = starts_s[session] + _running(gaps_s, firsts, num_turns)
    kept = np.flatnonzero(inputs + answers <= shape.max_context_tokens)
    kept = kept[np.argsort(arrivals_s[kept], kind="stable")]
    num_cut = session.size - kept.size
    return Trace(
        name=name,
        format="sessions",
        input_tokens=inputs[kept],
        output_tokens=answers[kept],
        arrivals_s=arrivals_s[kept],
        block_hashes=_blocks(inputs[kept], session[kept], shape),
        session_ids=session[kept],
        notes=(f"{starts_s.size} sessions", *([f"{num_cut} turns beyond the context left out"] if num_cut else [])),
    )


def _running(values: FloatArray, firsts: IntArray, sizes: IntArray) -> FloatArray:
    """Sum of `values` from the first of each group up to and with each entry."""
    sums = np.cumsum(values)
    return np.asarray(sums - np.repeat(sums[firsts] - values[firsts], sizes))


def _blocks(inputs: FloatArray, session: IntArray, shape: SessionShape) -> BlockHashes | None:
    """Ids of the blocks of each request: whole blocks belong to the session (or to all), a begun one to the request."""
    block = shape.tokens_per_block
    if block is None:
        return None
    sizes = np.ceil(inputs / block).astype(np.int64)
    if sizes.sum() > _MAX_BLOCKS:
        raise InputError(f"{sizes.sum()} prefix blocks; limit={_MAX_BLOCKS}; use longer blocks or fewer sessions")
    num_shared = shape.system_tokens // block
    num_whole = (inputs // block).astype(np.int64)
    longest = np.zeros(int(session.max()) + 1, dtype=np.int64)
    np.maximum.at(longest, session, num_whole)
    base = num_shared + np.cumsum(longest) - longest
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    ids = np.arange(offsets[-1])
    ids += np.repeat(base[session] - offsets[:-1], sizes)
    shared = np.arange(num_shared)
    ids[(offsets[:-1, None] + shared).ravel()] = np.tile(shared, inputs.size)
    begun = num_whole < sizes
    ids[offsets[1:][begun] - 1] = int(base[-1] + longest[-1]) + np.arange(begun.sum())
    return BlockHashes(offsets=offsets, ids=ids, tokens_per_block=block)


def _check_samples(starts_s: FloatArray, prompts: FloatArray, answers: FloatArray, shape: SessionShape) -> None:
    problems = length_problems("prompt_tokens", prompts) + length_problems("answer_tokens", answers)
    if not starts_s.size or not np.isfinite(starts_s).all() or (starts_s < 0.0).any():
        problems.append("starts_s is empty or holds no times; limit=0 s or more; give when sessions begin")
    if not problems and prompts.size != answers.size:
        problems.append(f"{prompts.size} prompts and {answers.size} answers; limit=as many of each; pair them")
    if not problems and (longest := shape.system_tokens + float((prompts + answers).max())) > shape.max_context_tokens:
        limit = f"limit=max_context_tokens={shape.max_context_tokens}"
        problems.append(f"a first turn can need {longest:.0f} tokens; {limit}; raise the context or shorten the sample")
    raise_all(problems)


def _shape_problems(shape: SessionShape) -> list[str]:
    problems = range_problems("mean_turns_ratio", shape.mean_turns_ratio, 1.0, 1e6, "a session has one turn or more")
    problems += positive_problems("turn_gap_s", shape.turn_gap_s, "s")
    problems += range_problems("turn_gap_cv", shape.turn_gap_cv, 0.0, 100.0, "0 is a clock, 1 is exponential")
    advice = "give a length in tokens"
    problems += range_problems("system_tokens", shape.system_tokens, 0, MAX_TOKENS_PER_REQUEST, advice)
    problems += range_problems("max_context_tokens", shape.max_context_tokens, 1, MAX_TOKENS_PER_REQUEST, advice)
    if shape.tokens_per_block is not None:
        problems += range_problems("tokens_per_block", shape.tokens_per_block, 1, 2**16, advice)
    return problems
