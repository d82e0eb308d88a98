"""The prefix cache of a replica: units of prompt that requests share, and idle ones until room is needed.

A unit is one hashed block of the trace, and several KV blocks long. `unit_refs` counts the running requests that
hold it: 0 is idle (kept, and free to take), NONE is absent. Idle units form a list from the least to the most recently
used one. A request's last unit becomes idle before its first, so that prefixes are shortened from their end.
"""

from tokonomics.simulation.blocks import blocks_bound, decode_blocks, next_blocks, taken_blocks
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.state import NONE, Load, Machine, Row


@inlined
def keeps_prefixes(m: Machine, engine: Row) -> bool:
    """Whether a deployment looks up prefix blocks; known to be false when a plain fleet's loop is compiled."""
    return m.extras is not None and engine.hashed > 0


@compiled
def cached_units(m: Machine, load: Load, at: int, index: int) -> int:
    """Leading units of request `index` that replica `at` holds; at least one token is always left to compute."""
    engine = m.engines[m.replicas[at].kind]
    start = m.unit_offsets[index]
    length = load.input_tokens[index] + m.requests[index].generated
    most: int = min(whole_units(m, load, at, index), (length - 1) // engine.unit_tokens)
    hits: int = 0
    while hits < most and m.unit_refs[at, m.unit_ids[start + hits]] != NONE:
        hits += 1
    return hits


@compiled
def whole_units(m: Machine, load: Load, at: int, index: int) -> int:
    """Units of request `index` that its prompt fills: a part of a block is never cached."""
    engine = m.engines[m.replicas[at].kind]
    hashed = m.unit_offsets[index + 1] - m.unit_offsets[index]
    filled: int = min(hashed, load.input_tokens[index] // engine.unit_tokens)
    return filled


@compiled
def shared_blocks(m: Machine, at: int, index: int, hits: int) -> int:
    """KV blocks of the first `hits` units of request `index` that running requests hold already."""
    start, num_held = m.unit_offsets[index], 0
    for unit in range(hits):
        if m.unit_refs[at, m.unit_ids[start + unit]] > 0:
            num_held += 1
    blocks: int = num_held * m.engines[m.replicas[at].kind].unit_blocks
    return blocks


@compiled
def take_units(m: Machine, at: int, index: int, hits: int) -> None:
    """Let request `index` hold its first `hits` units, which are all present."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    start = m.unit_offsets[index]
    for spot in range(start, start + hits):
        unit = m.unit_ids[spot]
        if m.unit_refs[at, unit] == 0:
            leave_idle(m, at, unit)
        else:
            replica.shared_blocks += engine.unit_blocks
        m.unit_refs[at, unit] += 1
        m.unit_held[spot] = 1


@compiled
def add_units(m: Machine, load: Load, at: int, index: int, before: int, after: int) -> None:
    """Register the units of request `index` that a chunk from token `before` to token `after` completes.

    A unit that is present already was computed twice, and this request keeps its copy to itself.
    """
    engine = m.engines[m.replicas[at].kind]
    start = m.unit_offsets[index]
    last = min(whole_units(m, load, at, index), after // engine.unit_tokens)
    for spot in range(start + before // engine.unit_tokens, start + last):
        unit = m.unit_ids[spot]
        if m.unit_refs[at, unit] == NONE:
            m.unit_refs[at, unit] = 1
            m.unit_held[spot] = 1


@compiled
def release_units(m: Machine, at: int, index: int) -> None:
    """Let go of all units of request `index`, the last one first; those nobody else holds become idle."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    start = m.unit_offsets[index]
    for spot in range(m.unit_offsets[index + 1] - 1, start - 1, -1):
        if m.unit_held[spot]:
            unit = m.unit_ids[spot]
            m.unit_held[spot] = 0
            m.unit_refs[at, unit] -= 1
            if m.unit_refs[at, unit] == 0:
                join_idle(m, at, unit)
            else:
                replica.shared_blocks -= engine.unit_blocks


@compiled
def join_idle(m: Machine, at: int, unit: int) -> None:
    """Make `unit` the most recently used idle one."""
    replica = m.replicas[at]
    m.unit_older[at, unit], m.unit_newer[at, unit] = replica.newest_unit, NONE
    if replica.newest_unit != NONE:
        m.unit_newer[at, replica.newest_unit] = unit
    else:
        replica.oldest_unit = unit
    replica.newest_unit = unit
    replica.idle_units += 1


@compiled
def leave_idle(m: Machine, at: int, unit: int) -> None:
    """Take `unit` out of the idle ones."""
    replica = m.replicas[at]
    older, newer = m.unit_older[at, unit], m.unit_newer[at, unit]
    if older != NONE:
        m.unit_newer[at, older] = newer
    else:
        replica.oldest_unit = newer
    if newer != NONE:
        m.unit_older[at, newer] = older
    else:
        replica.newest_unit = older
    replica.idle_units -= 1


@compiled
def evict_idle(m: Machine, at: int, ahead: int) -> None:
    """Drop idle units, the least recently used first, until the batch `ahead` steps from now has its blocks."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    room = engine.num_blocks - taken_blocks(replica)
    if (
        replica.idle_units == 0
        or blocks_bound(replica, engine, ahead) + replica.idle_units * engine.unit_blocks <= room
    ):
        return
    if ahead > 0:
        room -= decode_blocks(replica, engine, m.heaps[at], m.requests, m.key_bits, ahead)
    else:
        room -= next_blocks(replica, engine, m.heaps[at], m.requests, m.key_bits)
    while replica.idle_units * engine.unit_blocks > room and replica.idle_units > 0:
        unit = replica.oldest_unit
        leave_idle(m, at, unit)
        m.unit_refs[at, unit] = NONE


@compiled
def clear_cache(m: Machine, at: int) -> None:
    """Forget every idle unit: the replica is gone."""
    while m.replicas[at].idle_units > 0:
        unit = m.replicas[at].oldest_unit
        leave_idle(m, at, unit)
        m.unit_refs[at, unit] = NONE
