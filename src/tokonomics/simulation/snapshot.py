"""The account of a running fleet at one moment, the part of every step that is over included."""

from typing import NamedTuple

import numpy as np

from tokonomics.simulation.state import Machine


class Snapshot(NamedTuple):
    """Seconds of all replicas together, up to `now_s`: prefill, decode, and the integrals of batch and cache."""

    now_s: float
    prefill_s: float
    decode_s: float
    sequence_time_s: float
    kv_token_time_s: float

    @property
    def busy_s(self) -> float:
        """Prefill and decode."""
        return self.prefill_s + self.decode_s


def snapshot(machine: Machine, now_s: float) -> Snapshot:
    """The account at `now_s`; within a jump of decode steps the cache is taken to grow evenly."""
    rows = machine.replicas
    engines = machine.engines[rows["kind"]]
    steps = rows["steps"]
    whole_s = np.where(steps > 0, steps * (rows["first_s"] + 0.5 * rows["slope_s"] * (steps - 1)), 0.0)
    over_s = np.clip(now_s - rows["start_s"], 0.0, whole_s)
    over_frac = np.divide(over_s, whole_s, out=np.zeros(over_s.size), where=whole_s > 0.0)
    decode_s = np.where(rows["prompt_tokens"] > 0, rows["decode_part_s"] * over_frac, over_s)
    grown = 0.5 * over_frac * steps * engines["round_tokens"] * rows["decodes_run"]
    held = rows["context_sum"] + rows["prompt_blocks"] * engines["block_tokens"] + grown
    return Snapshot(
        now_s,
        float((rows["prefill_s"] + over_s - decode_s).sum()),
        float((rows["decode_s"] + decode_s).sum()),
        float((rows["sequence_seconds"] + rows["num_running"] * over_s).sum()),
        float((rows["token_seconds"] + held * over_s).sum()),
    )
