"""Requests that are under way when a window ends, moved to the front of the next window's arrays.

They keep their order, and so do the ties that a kernel breaks by the number of a request: what follows is, to the bit,
what one long array of requests would have given. Row 0 of every window but the first is empty, because the kernel
takes a run that begins with request 0 for a new one.
"""

from typing import Any

import numpy as np

from tokonomics.simulation.control import Control
from tokonomics.simulation.state import DONE, NONE, REQUEST, Ints, Load, Machine, Told, new_told

KEY_BITS = 30
"""Bits of a request's number in the keys of a heap, the same for all windows."""


def under_way(told: Told) -> Ints:
    """The requests that are neither answered nor turned away."""
    return np.flatnonzero(np.isnan(told.finish_s) & (told.status == DONE))


def carry_over(machine: Machine, control: Control, told: Told, live: Ints, num_new: int) -> tuple[Machine, Told]:
    """Renumber the requests `live` (sorted) as 1, 2, ... with room for `num_new` behind them; all others are dropped.

    Replicas, queues and clocks are changed in place; the arrays of requests are new.
    """
    numbers = np.full(told.status.size + 1, NONE, dtype=np.int64)  # the last entry stands for NONE
    numbers[live] = np.arange(1, live.size + 1)
    _renumber_replicas(machine, numbers)
    _renumber_control(control, numbers)
    num = 1 + live.size + num_new
    requests = np.zeros(num, dtype=REQUEST)
    kept = machine.requests[live]
    for name in ("next", "prev"):
        kept[name] = numbers[kept[name]]
    requests[1 : live.size + 1] = kept
    fresh = new_told(num)
    columns: Any = zip(fresh, told)  # their types differ, which a tuple of both cannot say
    for new, old in columns:
        new[1 : live.size + 1] = old[live]
    fresh.finish_s[0] = 0.0  # row 0 is under way nowhere
    return _with_room(machine, numbers, requests), fresh


def carried_load(load: Load, live: Ints, new: Load) -> Load:
    """An empty row, the rows `live` of `load`, and the rows of `new`."""
    columns: Any = zip(load, new)
    return Load(*(np.concatenate([new_one[:1], old[live], new_one]) for old, new_one in columns))


def _with_room(machine: Machine, numbers: Ints, requests: np.ndarray) -> Machine:
    num_transfers = int(machine.num_transfers[0])
    if not machine.transfer_s.size:
        return machine._replace(requests=requests)
    transfer_s, transfer_index = np.zeros(requests.size), np.zeros(requests.size, dtype=np.int64)
    transfer_s[:num_transfers] = machine.transfer_s[:num_transfers]
    transfer_index[:num_transfers] = numbers[machine.transfer_index[:num_transfers]]
    return machine._replace(requests=requests, transfer_s=transfer_s, transfer_index=transfer_index)


def _renumber_replicas(machine: Machine, numbers: Ints) -> None:
    mask = (1 << machine.key_bits) - 1
    for at, replica in enumerate(machine.replicas):
        keys = machine.heaps[at, : replica["num_decodes"]]
        keys[:] = (keys & ~mask) | numbers[keys & mask]
        chunks = machine.chunks[at, : replica["num_chunks"]]
        chunks[:] = numbers[chunks]
    machine.last[:] = np.where(machine.first == NONE, NONE, numbers[machine.last])
    machine.first[:] = numbers[machine.first]
    for name in ("partial", "youngest"):
        machine.replicas[name] = numbers[machine.replicas[name]]


def _renumber_control(control: Control, numbers: Ints) -> None:
    for name in ("first_homeless", "last_homeless"):
        control.rules[name] = numbers[control.rules[name]]
