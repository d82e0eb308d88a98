"""What the end of a step changes: tokens, finished requests, prompts that become decodes, and the account."""

from tokonomics.simulation.blocks import num_blocks
from tokonomics.simulation.coefficients import steps_time_s
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.lists import batch_remove, heap_remove, transfer_push
from tokonomics.simulation.prefix_cache import evict_idle, keeps_prefixes, release_units
from tokonomics.simulation.schedule import join_decodes, prompt_length
from tokonomics.simulation.state import PREFILL, Load, Machine, Row, Told


@inlined
def end_step(m: Machine, load: Load, told: Told, at: int) -> None:
    """Bring replica `at` up to date at its boundary: the end of its running step, or of its last step of a jump."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    now_s = replica.boundary_s
    account(replica, engine)
    if keeps_prefixes(m, engine) and replica.steps > 1:
        evict_idle(m, at, replica.steps - 1)
    if replica.decodes_run > 0:
        replica.round += replica.steps
        replica.context_sum += engine.round_tokens * (replica.steps * replica.decodes_run)
        finish_decodes(m, load, told, at, now_s)
    for spot in range(replica.num_chunks):
        end_prompt(m, load, told, at, m.chunks[at, spot], now_s)


@compiled
def account(replica: Row, engine: Row) -> None:
    """Book the time of the steps that end: decode and prefill, and the integrals of batch and cache."""
    steps = replica.steps
    if steps == 0:
        return
    time_s = steps_time_s(replica.first_s, replica.slope_s, steps)
    decode_s = replica.decode_part_s if replica.prompt_tokens > 0 else time_s
    replica.decode_s += decode_s
    replica.prefill_s += time_s - decode_s
    grown = engine.round_tokens * replica.decodes_run
    held = replica.context_sum + replica.prompt_blocks * engine.block_tokens
    pairs = 0.5 * steps * (steps - 1.0)
    triples = pairs * (2.0 * steps - 1.0) / 3.0
    linear_s = held * replica.slope_s + grown * replica.first_s
    replica.token_seconds += steps * held * replica.first_s + linear_s * pairs + grown * replica.slope_s * triples
    replica.sequence_seconds += replica.num_running * time_s
    replica.peak_tokens = max(replica.peak_tokens, held + grown * (steps - 1))
    replica.prefilled_tokens += replica.prompt_tokens
    replica.num_steps += steps
    replica.num_events += 1


@inlined
def finish_decodes(m: Machine, load: Load, told: Told, at: int, now_s: float) -> None:
    """Finish every decode that has had its last round."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    heap, mask = m.heaps[at], (1 << m.key_bits) - 1
    while replica.num_decodes > 0 and heap[0] >> m.key_bits <= replica.round:
        index = heap[0] & mask
        heap_remove(heap, replica.num_decodes, 0)
        replica.num_decodes -= 1
        replica.context_sum -= m.requests[index].context_base + engine.round_tokens * replica.round
        finish(m, load, told, at, index, now_s)


@inlined
def end_prompt(m: Machine, load: Load, told: Told, at: int, index: int, now_s: float) -> None:
    """A prompt is complete: its step yields a token, and the request decodes from now on, or is finished."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    request = m.requests[index]
    length = prompt_length(m, load, index)
    replica.prompt_blocks -= num_blocks(length, engine.block_tokens)
    # of a plain fleet the row in hand tells a first token; results are cold in memory
    if request.generated == 0 if m.extras is None else told.first_token_s[index] != told.first_token_s[index]:
        told.first_token_s[index] = now_s
    left = load.output_tokens[index] - request.generated - 1
    if left == 0:
        finish(m, load, told, at, index, now_s)
        return
    if m.extras is not None and engine.role == PREFILL:
        hand_over(m, load, at, index, now_s)
    else:
        join_decodes(m, at, index, length + 1, left)


@compiled
def hand_over(m: Machine, load: Load, at: int, index: int, now_s: float) -> None:
    """Send the cache of a complete prompt on its way to a decode replica; this one is rid of the request."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    request = m.requests[index]
    due_s = now_s + engine.transfer_latency_s + prompt_length(m, load, index) / engine.transfer_tokens_per_s
    transfer_push(m.transfer_s, m.transfer_index, m.num_transfers[0], due_s, index)
    m.num_transfers[0] += 1
    request.generated += 1
    request.transferred = 1
    leave(m, load, at, index)


@inlined
def finish(m: Machine, load: Load, told: Told, at: int, index: int, now_s: float) -> None:
    """Request `index` has its last token."""
    m.replicas[at].num_done += 1
    told.finish_s[index] = now_s
    leave(m, load, at, index)


@inlined
def leave(m: Machine, load: Load, at: int, index: int) -> None:
    """Request `index` runs no more on replica `at`."""
    replica = m.replicas[at]
    batch_remove(replica, m.requests, index)
    if keeps_prefixes(m, m.engines[replica.kind]):
        release_units(m, at, index)
    m.outstanding_tokens[at] -= load.input_tokens[index] + m.expected_output
