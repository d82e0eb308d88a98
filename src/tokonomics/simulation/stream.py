"""A fleet that serves one window of requests after another, and never holds more than one: exact, in little memory."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tokonomics.errors import InputError
from tokonomics.simulation.build import build_load
from tokonomics.simulation.carry import KEY_BITS, carried_load, carry_over, under_way
from tokonomics.simulation.control import Control
from tokonomics.simulation.fleet import FleetAccounts, accounts_of, settle
from tokonomics.simulation.fleet_build import build_control, build_machine
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.serve import serve
from tokonomics.simulation.state import Ints, Load, Machine, Told, new_told


class Served(NamedTuple):
    """The requests that a window ends with: those that came with it, and those that it found under way.

    asked_tokens: outputs before the engine's cap.  classes: whose they are.  live: which are under way still.
    """

    machine: Machine
    load: Load
    told: Told
    asked_tokens: Ints
    classes: Ints
    live: Ints


@dataclass(kw_only=True, slots=True, eq=False)
class Stream:
    """A fleet under way; `begin_stream` makes one, `serve_window` and `end_stream` change it."""

    spec: FleetSpec
    machine: Machine
    control: Control
    last: Served | None = None

    @property
    def now_s(self) -> float:
        """Time of the last arrival or end of a step."""
        return float(self.control.rules["now_s"])

    @property
    def num_in_system(self) -> int:
        """Requests that wait or run."""
        return 0 if self.last is None else int(self.last.live.size)


def begin_stream(first: Requests, spec: FleetSpec, *, rng: np.random.Generator) -> Stream:
    """A fleet at rest that is to begin with the requests `first`.

    Raises InputError for what needs all requests at once: prefix blocks, and a router that reckons with a mean output
    nobody has stated.
    """
    problems = []
    if spec.expected_output_tokens is None:
        problems.append("expected_output_tokens is missing; limit=stated, to serve in windows; give the mean output")
    if any(one.options.use_prefix_cache for one in spec.replicas):
        problems.append("prefix blocks need all requests at once; limit=a hit rate, to serve in windows; give one")
    if spec.needs_sessions:
        problems.append("sessions need all requests at once; limit=other routers and stick_s=0, to serve in windows")
    if problems:
        raise InputError(*problems)
    machine = build_machine(first, spec)
    control = build_control(first, spec, machine, rng)
    return Stream(spec=spec, machine=machine._replace(key_bits=KEY_BITS), control=control)


def serve_window(stream: Stream, window: Requests) -> Served:
    """Serve the requests of the next window, up to the arrival of its last."""
    load = _load(stream.spec, window)
    classes = np.zeros(window.num_requests, dtype=np.int64) if window.class_index is None else window.class_index
    before = stream.last
    if before is None:
        first, told, asked = 0, new_told(window.num_requests), window.output_tokens
    else:
        first = 1 + before.live.size
        stream.machine, told = carry_over(stream.machine, stream.control, before.told, before.live, window.num_requests)
        load = carried_load(before.load, before.live, load)
        asked = np.concatenate([window.output_tokens[:1], before.asked_tokens[before.live], window.output_tokens])
        classes = np.concatenate([classes[:1], before.classes[before.live], classes])
    num = load.arrival_s.size
    open_ended = load._replace(arrival_s=np.append(load.arrival_s, np.inf))  # more will come
    serve(stream.machine, stream.control, open_ended, told, first, num)
    stream.last = Served(stream.machine, load, told, asked, classes, under_way(told))
    return stream.last


def end_stream(stream: Stream) -> tuple[Served, FleetAccounts]:
    """Serve what is under way to its end, and give back all replicas; the last window once more, and the accounts."""
    assert stream.last is not None
    served = stream.last
    num = served.load.arrival_s.size
    serve(stream.machine, stream.control, served.load, served.told, num, num)
    settle(stream.machine, stream.control, served.told, stream.now_s)
    stream.last = served._replace(live=np.zeros(0, dtype=np.int64))
    return stream.last, accounts_of(stream.machine, stream.control)


def _load(spec: FleetSpec, window: Requests) -> Load:
    """The load of a window, checked against every deployment."""
    loads = [build_load(window, one.options) for one in spec.replicas]
    return loads[0]
