"""What an engine decides between two steps: who keeps running, whose prompt goes on, who is admitted.

The order is that of vLLM's V1 scheduler: running requests first (decodes, then the one prompt that was cut by the
budget), preempting the youngest when blocks run out; then waiting ones, unless something was preempted.
"""

from math import ceil

from tokonomics.simulation.blocks import has_room, num_blocks
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.lists import (
    batch_append,
    batch_remove,
    heap_push,
    heap_remove,
    queue_level,
    queue_pop,
    queue_prepend,
)
from tokonomics.simulation.plan import plan_step
from tokonomics.simulation.prefix_cache import (
    add_units,
    cached_units,
    evict_idle,
    keeps_prefixes,
    release_units,
    shared_blocks,
    take_units,
)
from tokonomics.simulation.state import NONE, Load, Machine, Row, Told


@inlined
def schedule(m: Machine, load: Load, told: Told, at: int, now_s: float) -> None:
    """Choose the next step of replica `at`, whose batch is up to date at `now_s`, and plan how long it lasts."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    replica.num_chunks, replica.prompt_tokens, replica.prompt_pairs = 0, 0, 0.0
    replica.decode_blocks, replica.may_cut = NONE, 1
    if m.extras is not None and engine.prefill_first:
        stuck = admit_then_decode(m, load, told, at, now_s)
    else:
        stuck = decode_then_admit(m, load, told, at, now_s)
    plan_step(m, at, now_s, stuck)


@compiled
def admit_then_decode(m: Machine, load: Load, told: Told, at: int, now_s: float) -> bool:
    """Prompts first, and decodes in steps that hold none; as `admit_waiting` returns. It is rare, so compiled apart."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    replica.decodes_run = 0
    if keeps_prefixes(m, engine):
        evict_idle(m, at, 0)
    stuck = admit_waiting(m, load, told, at, engine.budget_tokens, now_s)
    if replica.num_chunks == 0:
        stuck = make_room(m, load, at) > 0 or stuck
        replica.decodes_run = replica.num_decodes
        if keeps_prefixes(m, engine):
            evict_idle(m, at, 0)
    return stuck


@inlined
def decode_then_admit(m: Machine, load: Load, told: Told, at: int, now_s: float) -> bool:
    """Decodes first, and prompts with what is left of the budget; as `admit_waiting` returns."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    num_preempted = make_room(m, load, at)
    budget = engine.budget_tokens - replica.num_decodes * engine.rows_per_decode
    if replica.partial != NONE:
        budget -= continue_partial(m, load, at, budget)
    if keeps_prefixes(m, engine):
        evict_idle(m, at, 0)
    stuck = num_preempted > 0 or admit_waiting(m, load, told, at, budget, now_s)
    replica.decodes_run = replica.num_decodes
    return stuck


@inlined
def make_room(m: Machine, load: Load, at: int) -> int:
    """Preempt running requests of replica `at` until the blocks of its next step fit; returns how many."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    num_preempted = 0
    while True:
        more = 0
        if replica.partial != NONE:
            budget = engine.budget_tokens - replica.num_decodes * engine.rows_per_decode
            done = replica.partial_tokens
            chunk = min(prompt_length(m, load, replica.partial) - done, budget)
            more = num_blocks(done + chunk, engine.block_tokens) - num_blocks(done, engine.block_tokens)
        if has_room(replica, engine, m.heaps[at], m.requests, m.key_bits, more):
            return num_preempted
        preempt(m, load, at, victim(m, load, replica, engine))
        num_preempted += 1


@inlined
def prompt_length(m: Machine, load: Load, index: int) -> int:
    """Tokens to prefill before the next one comes out: the prompt, and what was generated before a preemption."""
    length: int = load.input_tokens[index] + m.requests[index].generated
    return length


@compiled
def victim(m: Machine, load: Load, replica: Row, engine: Row) -> int:
    """The running request to preempt: the last admitted, or the last to arrive of the least urgent."""
    worst: int = replica.youngest
    if m.extras is not None and engine.priority:
        other = m.requests[worst].prev
        while other != NONE:
            level, worst_level = load.level[other], load.level[worst]
            if level > worst_level or (level == worst_level and other > worst):
                worst = other
            other = m.requests[other].prev
    return worst


@compiled
def preempt(m: Machine, load: Load, at: int, index: int) -> None:
    """Stop request `index` of replica `at`, drop its cache, and put it in front of its queue to be recomputed."""
    replica = m.replicas[at]
    stop_running(m, load, at, index)
    m.requests[index].preemptions += 1
    replica.num_preemptions += 1
    queue_prepend(replica, m.first[at], m.last[at], m.requests, index, load.level[index])
    m.queued_tokens[at] += prompt_length(m, load, index)


@compiled
def stop_running(m: Machine, load: Load, at: int, index: int) -> None:
    """Take the unfinished request `index` out of the batch of replica `at`; it keeps the tokens it generated."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    request = m.requests[index]
    batch_remove(replica, m.requests, index)
    replica.decode_blocks = NONE
    if keeps_prefixes(m, engine):
        release_units(m, at, index)
    if replica.partial == index:
        replica.prompt_blocks -= num_blocks(replica.partial_tokens, engine.block_tokens)
        replica.partial, replica.partial_tokens = NONE, 0
        return
    context = request.context_base + engine.round_tokens * replica.round
    request.generated = int(context) - load.input_tokens[index]
    replica.context_sum -= context
    heap, mask, spot = m.heaps[at], (1 << m.key_bits) - 1, 0
    while heap[spot] & mask != index:
        spot += 1
    heap_remove(heap, replica.num_decodes, spot)
    replica.num_decodes -= 1


@inlined
def continue_partial(m: Machine, load: Load, at: int, budget: int) -> int:
    """Give the prompt that the budget had cut its next chunk; returns the chunk's tokens."""
    replica = m.replicas[at]
    index, done = replica.partial, replica.partial_tokens
    replica.prompt_blocks -= num_blocks(done, m.engines[replica.kind].block_tokens)
    replica.partial, replica.partial_tokens = NONE, 0
    return add_chunk(m, load, at, index, done, budget)


@inlined
def add_chunk(m: Machine, load: Load, at: int, index: int, done: int, budget: int) -> int:
    """Put the next chunk of a prompt, of which `done` tokens are computed, into the step; returns its tokens."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    length = prompt_length(m, load, index)
    chunk = min(length - done, budget)
    replica.prompt_tokens += chunk
    replica.prompt_pairs += chunk * (done + 0.5 * chunk)
    replica.prompt_blocks += num_blocks(done + chunk, engine.block_tokens)
    if keeps_prefixes(m, engine):
        add_units(m, load, at, index, done, done + chunk)
    if done + chunk == length:
        m.chunks[at, replica.num_chunks] = index
        replica.num_chunks += 1
    else:
        replica.partial, replica.partial_tokens = index, done + chunk
    return chunk


@inlined
def admit_waiting(m: Machine, load: Load, told: Told, at: int, budget: int, now_s: float) -> bool:
    """Admit waiting requests in order while budget, places and blocks last.

    Returns whether a step later one may be admitted though nothing else has changed: eviction shortens a cached
    prefix, and so the first chunk behind it.
    """
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    first, prefill_first = m.first[at], m.extras is not None and engine.prefill_first > 0
    while budget > 0:
        if replica.num_running == engine.max_sequences:
            replica.may_cut = engine.priority
            break
        level = queue_level(replica, first) if m.extras is not None else 0
        if replica.num_queued == 0:
            break
        index = first[level]
        length = prompt_length(m, load, index)
        if m.extras is not None and m.requests[index].transferred:
            if not admit_transferred(m, load, told, at, level, now_s):
                replica.may_cut = engine.priority
                break
            budget -= engine.rows_per_decode
            continue
        done, shared = load.cached_tokens[index], 0
        if keeps_prefixes(m, engine):
            hits = cached_units(m, load, at, index)
            done, shared = hits * engine.unit_tokens, shared_blocks(m, at, index, hits)
        if prefill_first and length - done > budget and replica.num_chunks > 0:
            break
        chunk = length - done if prefill_first else min(length - done, budget)
        more = num_blocks(length if engine.reserve_full else done + chunk, engine.block_tokens) - shared
        if replica.num_running > 0:
            more += engine.watermark_blocks
        if not has_room(replica, engine, m.heaps[at], m.requests, m.key_bits, more):
            replica.may_cut = engine.priority
            return keeps_prefixes(m, engine) and not engine.reserve_full
        queue_pop(replica, first, m.requests, level)
        m.queued_tokens[at] -= length
        batch_append(replica, m.requests, index)
        if (
            m.requests[index].preemptions == 0
            if m.extras is None
            else told.scheduled_s[index] != told.scheduled_s[index]
        ):
            told.scheduled_s[index] = now_s
        if keeps_prefixes(m, engine):
            load.cached_tokens[index] = done
            take_units(m, at, index, hits)
        budget -= add_chunk(m, load, at, index, done, chunk)
        if keeps_prefixes(m, engine):
            evict_idle(m, at, 0)
    return False


@compiled
def admit_transferred(m: Machine, load: Load, told: Told, at: int, level: int, now_s: float) -> bool:
    """Let the first waiting request of `level`, whose cache came from a prefill replica, decode if it has room."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    index = m.first[at, level]
    length = prompt_length(m, load, index)
    more = num_blocks(length + engine.num_drafts, engine.block_tokens)
    watermark = engine.watermark_blocks if replica.num_running > 0 else 0
    if not has_room(replica, engine, m.heaps[at], m.requests, m.key_bits, more + watermark):
        return False
    queue_pop(replica, m.first[at], m.requests, level)
    m.queued_tokens[at] -= length
    batch_append(replica, m.requests, index)
    m.requests[index].transferred = 0
    join_decodes(m, at, index, length, load.output_tokens[index] - m.requests[index].generated)
    replica.decode_blocks = NONE
    if keeps_prefixes(m, engine):
        evict_idle(m, at, 0)
    return True


@inlined
def join_decodes(m: Machine, at: int, index: int, context: int, left: int) -> None:
    """Let request `index` decode from the next step of replica `at` on, with `left` tokens to go."""
    replica = m.replicas[at]
    round_tokens = m.engines[replica.kind].round_tokens
    m.requests[index].context_base = context - round_tokens * replica.round
    replica.context_sum += context
    rounds = ceil(left / round_tokens)
    heap_push(m.heaps[at], replica.num_decodes, (replica.round + rounds) << m.key_bits | index)
    replica.num_decodes += 1
