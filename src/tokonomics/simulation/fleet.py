"""A fleet under a load: what each request saw, and where every leased second of every replica went."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import TokonomicsError
from tokonomics.simulation.control import OFF, Control
from tokonomics.simulation.fleet_build import build_control, build_fleet_load, build_machine
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.leases import end_lease
from tokonomics.simulation.outside import outside_engine_s, outside_of
from tokonomics.simulation.requests import FloatArray, IntArray, Requests
from tokonomics.simulation.serve import serve
from tokonomics.simulation.state import CUT, DONE, LOST, Load, Machine, Told, new_told

Watch = Callable[[int, int], bool]
"""Told how many requests of how many have arrived; says whether to go on."""

_Columns = TypeVar("_Columns", Load, Told)

CHUNK_REQUESTS: Final = 200_000
"""Requests between two calls of a watch."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetAccounts:
    """Where the leased time of each place for a replica went; every array has shape (places,).

    decode_s, prefill_s, lost_s, loading_s and idle_s sum to leased_s. lost_s is what an interruption cut off of a
    step; what it made to be computed again is in prefill_s and decode_s. billed_s is leased_s in billing increments.
    deployment: index into the fleet's `replicas`.
    """

    deployment: IntArray
    leased_s: FloatArray
    billed_s: FloatArray
    decode_s: FloatArray
    prefill_s: FloatArray
    idle_s: FloatArray
    loading_s: FloatArray
    lost_s: FloatArray
    sequence_seconds: IntArray
    kv_token_seconds: IntArray
    num_leases: IntArray
    num_lost: IntArray
    num_steps: IntArray
    num_prefilled_tokens: IntArray
    num_preemptions: IntArray
    num_done: IntArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FleetResult:
    """What happened to each request; arrays of shape (n,), seconds on the clock of the arrivals, NaN for never.

    status: index into `state.STATUS_NAMES`.  replica: the place that finished it, -1 for none.
    num_losses: how often its replica was lost under it.  end_s: the last arrival or end of a step.
    scheduled_s, first_token_s and finish_s are those of the engine; its user sees both tokens `outside_s` later
    (`simulation.outside`).
    A run that its watch ended holds the requests that had arrived, served to their end.
    """

    scheduled_s: FloatArray
    first_token_s: FloatArray
    finish_s: FloatArray
    outside_s: FloatArray
    status: NDArray[np.int8]
    replica: NDArray[np.int32]
    num_preemptions: NDArray[np.int32]
    num_losses: NDArray[np.int32]
    cached_tokens: IntArray
    output_tokens: IntArray
    accounts: FleetAccounts
    start_s: float
    end_s: float


def simulate_fleet(
    requests: Requests, spec: FleetSpec, *, rng: np.random.Generator, watch: Watch | None = None
) -> FleetResult:
    """Replay `requests` on a fleet, exactly as if every step of every replica were visited.

    Args:      rng: draws the times of interruptions and failures; unused without them.
               watch: is told of the progress, and may end the run.
    Raises:    InputError for requests that can never fit, priorities out of range and unusable coefficients.
    """
    load = build_fleet_load(requests, spec)
    machine = build_machine(requests, spec)
    control = build_control(requests, spec, machine, rng)
    load, told = _run(machine, control, load, watch)
    num = load.arrival_s.size
    end_s = float(control.rules["now_s"])
    settle(machine, control, told, end_s)
    told.status[(load.output_tokens < requests.output_tokens[:num]) & (told.status == DONE)] = CUT
    served = np.isin(told.status, (DONE, CUT))
    replica = np.where(served, machine.requests["replica"][:num], -1)
    kinds = machine.replicas["kind"]
    return FleetResult(
        scheduled_s=told.scheduled_s,
        first_token_s=told.first_token_s,
        finish_s=told.finish_s,
        outside_s=outside_engine_s(outside_of(spec), load, told, replica, kinds),
        status=told.status,
        replica=replica.astype(np.int32),
        num_preemptions=machine.requests["preemptions"][:num],
        num_losses=machine.requests["losses"][:num],
        cached_tokens=np.where(served, load.cached_tokens, 0),
        output_tokens=np.where(served, load.output_tokens, 0),
        accounts=accounts_of(machine, control),
        start_s=float(requests.arrival_s[0]),
        end_s=end_s,
    )


def _run(machine: Machine, control: Control, load: Load, watch: Watch | None) -> tuple[Load, Told]:
    """Serve the load in chunks, all of it or until the watch ends it; what was served, and what happened."""
    num = load.arrival_s.size
    told = new_told(num)
    starts = range(0, num, CHUNK_REQUESTS) if watch else (0,)
    for first in starts:
        last = min(first + CHUNK_REQUESTS, num) if watch else num
        serve(machine, control, load, told, first, last)
        if watch and not watch(last, num) and last < num:
            load, told = _first(load, last), _first(told, last)
            serve(machine, control, load, told, last, last)
            break
    return load, told


def _first(columns: _Columns, num: int) -> _Columns:
    """The first `num` entries of every column."""
    cut: Any = [column[:num] for column in columns]  # each column keeps its type, which a list cannot say
    return type(columns)(*cut)


def settle(machine: Machine, control: Control, told: Told, end_s: float) -> None:
    """Mark what nobody will serve, and give back all replicas."""
    unserved = np.isnan(told.finish_s) & (told.status == DONE)
    told.status[unserved] = LOST
    if int(unserved.sum()) != int(control.rules["num_homeless"]):
        raise TokonomicsError("the simulation ended with requests unfinished; please report this as a defect")
    for at in np.flatnonzero(control.places["state"] != OFF):
        end_lease(machine, control, int(at), end_s)


def accounts_of(machine: Machine, control: Control) -> FleetAccounts:
    """The accounts of all places as they stand; those of running leases are not in them."""
    replicas, places = machine.replicas, control.places
    used_s = replicas["decode_s"] + replicas["prefill_s"] + places["loading_s"] + places["lost_s"]
    return FleetAccounts(
        deployment=replicas["kind"].copy(),
        leased_s=places["leased_s"].copy(),
        billed_s=places["billed_s"].copy(),
        decode_s=replicas["decode_s"].copy(),
        prefill_s=replicas["prefill_s"].copy(),
        idle_s=places["leased_s"] - used_s,
        loading_s=places["loading_s"].copy(),
        lost_s=places["lost_s"].copy(),
        sequence_seconds=replicas["sequence_seconds"].copy(),
        kv_token_seconds=replicas["token_seconds"].copy(),
        num_leases=places["num_leases"].copy(),
        num_lost=places["num_lost"].copy(),
        num_steps=replicas["num_steps"].copy(),
        num_prefilled_tokens=replicas["prefilled_tokens"].copy(),
        num_preemptions=replicas["num_preemptions"].copy(),
        num_done=replicas["num_done"].copy(),
    )
