"""KV blocks: how many the batch holds now and some steps ahead, and whether more fit.

A decoding request holds the blocks of the step it is in: those of its context, and of the tokens drafted for it.
The exact number takes a pass over the batch, so a bound is tried first: a request holds less than context/block + 1.
"""

from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.state import NONE, Ints, Row, Rows

_LESS_THAN_A_GRAIN = 1e-4
"""Contexts are whole 1/1024 of a token; with this, truncating a quotient rounds it up."""


@compiled
def num_blocks(tokens: int, block_tokens: int) -> int:
    """Blocks that `tokens` need.

    >>> num_blocks(17, 16)
    2
    """
    return (tokens + block_tokens - 1) // block_tokens


@compiled
def decode_blocks(replica: Row, engine: Row, heap: Ints, requests: Rows, key_bits: int, ahead: int) -> int:
    """Blocks that the decoding requests hold in the step `ahead` steps from now; 0 is the next one."""
    mask = (1 << key_bits) - 1
    shift = engine.round_tokens * (replica.round + ahead) + engine.num_drafts
    total = 0
    for at in range(replica.num_decodes):
        tokens = requests[heap[at] & mask].context_base + shift
        total += int((tokens + engine.block_tokens - _LESS_THAN_A_GRAIN) / engine.block_tokens)
    return total


@compiled
def blocks_bound(replica: Row, engine: Row, ahead: int) -> int:
    """An upper bound of `decode_blocks`, in constant time."""
    grown = engine.round_tokens * ahead + engine.num_drafts
    tokens = replica.context_sum + replica.num_decodes * grown
    bound: int = int(tokens / engine.block_tokens) + replica.num_decodes + 1
    return bound


@inlined
def surely_fits(replica: Row, engine: Row, ahead: int, room: int) -> bool:
    """Whether `decode_blocks` is within `room` by its bound, without the division."""
    tokens = replica.context_sum + replica.num_decodes * (engine.round_tokens * ahead + engine.num_drafts)
    return bool(tokens < (room - replica.num_decodes) * engine.block_tokens)


@inlined
def taken_blocks(replica: Row) -> int:
    """Blocks beside those of `decode_blocks`: of prompts, less what is shared and so counted once."""
    shared: int = replica.prompt_blocks - replica.shared_blocks
    return shared


@compiled
def next_blocks(replica: Row, engine: Row, heap: Ints, requests: Rows, key_bits: int) -> int:
    """`decode_blocks` of the next step; they are counted once for all that is decided before it."""
    if replica.decode_blocks == NONE:
        replica.decode_blocks = decode_blocks(replica, engine, heap, requests, key_bits, 0)
    blocks: int = replica.decode_blocks
    return blocks


@inlined
def has_room(replica: Row, engine: Row, heap: Ints, requests: Rows, key_bits: int, more: int) -> bool:
    """Whether `more` blocks fit beside the batch of the next step."""
    room = engine.num_blocks - taken_blocks(replica) - more
    if replica.decode_blocks == NONE and surely_fits(replica, engine, 0, room):
        return True
    return bool(next_blocks(replica, engine, heap, requests, key_bits) <= room)


@inlined
def steps_with_room(replica: Row, engine: Row, heap: Ints, requests: Rows, key_bits: int, most: int) -> int:
    """Number of decode steps, 1 to `most`, until the batch would outgrow the cache."""
    room = engine.num_blocks - taken_blocks(replica)
    if surely_fits(replica, engine, most - 1, room):
        return most
    return steps_counted(replica, engine, heap, requests, key_bits, most, room)


@compiled
def steps_counted(replica: Row, engine: Row, heap: Ints, requests: Rows, key_bits: int, most: int, room: int) -> int:
    """`steps_with_room` by counting every block of the batch, where the bound does not tell."""
    if decode_blocks(replica, engine, heap, requests, key_bits, most - 1) <= room:
        return most
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) >> 1
        if decode_blocks(replica, engine, heap, requests, key_bits, middle - 1) <= room:
            low = middle
        else:
            high = middle
    return low
