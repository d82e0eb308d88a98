"""How long the chosen step lasts, and how many equal steps follow it without anything to decide."""

from math import inf

from tokonomics.simulation.blocks import steps_with_room
from tokonomics.simulation.coefficients import (
    decode_piece,
    mixed_step_s,
    steps_in_piece,
    steps_time_s,
    steps_until,
)
from tokonomics.simulation.compiled import compiled, inlined
from tokonomics.simulation.state import Machine, Row


@inlined
def plan_step(m: Machine, at: int, now_s: float, one_step: bool) -> None:
    """Plan the next step of replica `at`, or, when only decodes run and not `one_step`, a jump of many."""
    replica = m.replicas[at]
    replica.start_s = now_s
    replica.slope_s = 0.0
    replica.decode_part_s = 0.0
    if replica.prompt_tokens > 0:
        plan_mixed(m, at)
    elif replica.num_decodes > 0:
        plan_decodes(m, at, one_step)
    else:
        replica.steps, replica.boundary_s = 0, inf
        return
    replica.boundary_s = now_s + steps_time_s(replica.first_s, replica.slope_s, replica.steps)


@inlined
def plan_mixed(m: Machine, at: int) -> None:
    """One step that holds prompt tokens, beside the decodes or alone."""
    replica = m.replicas[at]
    row = m.coefficients[replica.kind]
    decodes = float(replica.decodes_run)
    context_sum = replica.context_sum if decodes > 0.0 else 0.0
    replica.steps = 1
    replica.first_s = mixed_step_s(row, decodes, context_sum, float(replica.prompt_tokens), replica.prompt_pairs)
    if decodes > 0.0:
        attention_s, _, _ = decode_piece(row, context_sum / decodes)
        replica.decode_part_s = m.decode_base_s[replica.kind, replica.decodes_run] + decodes * attention_s


@inlined
def plan_decodes(m: Machine, at: int, one_step: bool) -> None:
    """Decode steps until one finishes, the blocks run out, or the step time bends."""
    replica = m.replicas[at]
    engine = m.engines[replica.kind]
    decodes = replica.num_decodes
    attention_s, slope, room = decode_piece(m.coefficients[replica.kind], replica.context_sum / decodes)
    replica.first_s = m.decode_base_s[replica.kind, decodes] + decodes * attention_s
    replica.slope_s = decodes * slope * engine.round_tokens
    if one_step:
        replica.steps = 1
        return
    steps = min((m.heaps[at, 0] >> m.key_bits) - replica.round, steps_in_piece(room, engine.round_tokens))
    replica.steps = steps_with_room(replica, engine, m.heaps[at], m.requests, m.key_bits, steps)


@compiled
def cut_jump(replica: Row, until_s: float) -> None:
    """End the running jump with the first of its steps that ends at `until_s` or later."""
    if replica.steps > 1 and replica.may_cut:
        replica.steps = steps_until(replica.first_s, replica.slope_s, replica.start_s, until_s, replica.steps)
        replica.boundary_s = replica.start_s + steps_time_s(replica.first_s, replica.slope_s, replica.steps)
