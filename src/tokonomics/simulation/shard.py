"""A part of a long replay: windows that are counted, and before them others that only warm the fleet up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tokonomics.errors import Infeasible, InputError
from tokonomics.simulation.ask import Case
from tokonomics.simulation.deploy import require_requests_fit
from tokonomics.simulation.fleet import FleetAccounts, Watch
from tokonomics.simulation.hours import since_monday_s
from tokonomics.simulation.long_api import ApiSums, add_api_bill, new_api_sums
from tokonomics.simulation.outside import outside_of
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.sketch import Sketch, sketch_of
from tokonomics.simulation.snapshot import Snapshot, snapshot
from tokonomics.simulation.state import Floats, Ints, Load, Told
from tokonomics.simulation.stream import Served, Stream, begin_stream, end_stream, serve_window
from tokonomics.simulation.tally import Judging, Tally, count_requests, new_tally, slo_limits
from tokonomics.simulation.windows import Windows
from tokonomics.units import SECONDS_PER_HOUR

MOST_WAITING: Final = 1_000_000
"""Requests in the system at which a long replay is given up: they are held in memory, and would only grow more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """Windows `begin` up to `end` are counted; the fleet starts empty with window `warm_from`."""

    begin: int
    end: int
    warm_from: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShardResult:
    """What a shard counted.

    sketches: of the three latencies, in place of the bins of `tally`.  begun, ended: the fleet's account at the last
    arrival before the shard and at its own last (of the last shard: at the end of all).
    busy_s, sequence_time_s, kv_token_time_s: by window, shape (windows,).
    num_found, num_left: requests in the system at those two times: at a seam, what one shard left and the next found.
    accounts: of all leases, where one shard is the whole.  is_partial: whether it was ended early.
    """

    tally: Tally
    sketches: tuple[Sketch, ...]
    api: ApiSums
    begun: Snapshot
    ended: Snapshot
    busy_s: Floats
    sequence_time_s: Floats
    kv_token_time_s: Floats
    num_found: int
    num_left: int
    num_requests: int
    accounts: FleetAccounts | None
    kernel_wall_s: float
    is_partial: bool


def windows_of(case: Case) -> Windows:
    """The traffic of a case that is too long to hold. Raises InputError where it is held."""
    if case.demand.windows is None:
        raise InputError(f"{case.demand.trace.name} is held at once; it has no windows")
    return case.demand.windows


def shards_of(case: Case) -> tuple[Shard, ...]:
    """One shard that is the whole, or shards of `shard_hours` that each warm up for `warm_up_s`.

    Raises InputError where the fleet's size depends on what came long before: its state does not fit a warm-up.
    """
    edges_s, spec = windows_of(case).edges_s, case.spec
    num = edges_s.size - 1
    if spec.shard_hours is None:
        return (Shard(begin=0, end=num, warm_from=0),)
    if not spec.is_fixed_fleet:
        raise InputError(
            "shard_hours beside a fleet that changes; limit=the same replicas from start to end; leave --shard-hours"
            " out: the replay then runs in one piece"
        )
    width_s = float(edges_s[1] - edges_s[0])
    step = max(round(spec.shard_hours * SECONDS_PER_HOUR / width_s), 1)
    warm = max(-int(-spec.warm_up_s // width_s), 1)
    return tuple(
        Shard(begin=begin, end=min(begin + step, num), warm_from=max(begin - warm, 0)) for begin in range(0, num, step)
    )


def run_shard(
    case: Case, shard: Shard, *, clock: Callable[[], float], replication: int = 0, watch: Watch | None = None
) -> ShardResult:
    """Replay a shard. After its windows come later ones, uncounted, until its last request is answered.

    Args:      clock: seconds, for `kernel_wall_s` alone.  watch: told of the progress, it may end the run: what has
               arrived is then served to its end.
    Raises:    InputError for requests that can never fit.
    """
    return _Run(case, shard, clock, replication).result(watch)


class _Run:
    """A shard under way."""

    def __init__(self, case: Case, shard: Shard, clock: Callable[[], float], replication: int) -> None:
        self.case, self.shard, self.clock, self.replication = case, shard, clock, replication
        self.windows = windows_of(case)
        self.edges_s = self.windows.edges_s
        num, names = self.edges_s.size - 1, self.windows.class_ids
        self.is_last = shard.end == num
        self.tally = new_tally(num_windows=num, num_classes=1 if names is None else names.size)
        self.api = new_api_sums(self.tally.classes.shape[0])
        self.judging = _judging(case, shard, self.edges_s)
        self.rows = np.zeros((3, num))
        self.stream: Stream | None = None
        self.begun = self.at = Snapshot(0.0, 0.0, 0.0, 0.0, 0.0)
        self.ended: Snapshot | None = None
        self.num_found = self.num_left = 0
        self.wall_s = 0.0

    def result(self, watch: Watch | None) -> ShardResult:
        """Serve the windows and count them."""
        is_stopped = False
        num_seen, expected = 0, round(self.windows.expected_requests)
        for window, requests in self._made():
            self._serve(window, requests)
            num_seen += requests.num_requests
            if self.ended is not None and self._is_answered():
                break
            if watch is not None and not watch(min(num_seen, expected), expected):
                is_stopped = not (self.is_last and window == self.edges_s.size - 2)
                break
        accounts = self._end() if self.is_last or is_stopped else None
        return self._told(accounts, is_stopped)

    def _made(self) -> Iterator[tuple[int, Requests]]:
        for window in range(self.shard.warm_from, self.edges_s.size - 1):
            requests = self.windows.make(window, replication=self.replication)
            if requests is not None:
                yield window, requests

    def _serve(self, window: int, requests: Requests) -> None:
        """Serve one window, count what is answered, and take the account at its last arrival."""
        if self.stream is None:
            self.stream = self._begun(requests)
        _require_fit(self.case, requests, f"{self.windows.name}, window {window}")
        begin_s = self.clock()
        served = serve_window(self.stream, requests)
        self.wall_s += self.clock() - begin_s
        self._require_carried()
        first = served.load.arrival_s.size - requests.num_requests
        self._count(served, first=min(first, 1))
        add_api_bill(self.case, self.api, served, self.judging, first)
        now = snapshot(served.machine, self.stream.now_s)
        if window < self.shard.begin:
            self.begun, self.num_found = now, self.stream.num_in_system
        elif window < self.shard.end:
            self._book(window, now)
            if not self.is_last:
                self.num_left = self.stream.num_in_system
        elif self.ended is None:
            self.ended = self.at
        self.at = now

    def _require_carried(self) -> None:
        assert self.stream is not None
        waiting = self.stream.num_in_system
        if waiting > MOST_WAITING:
            hours = (self.stream.now_s - self.edges_s[0]) / SECONDS_PER_HOUR
            raise Infeasible(
                f"{waiting:,} requests wait or run {hours:.1f} hours into the replay; limit={MOST_WAITING:,}; the fleet"
                " does not carry this load: add --replicas, lower --rps, or --max-queued-requests"
            )

    def _begun(self, requests: Requests) -> Stream:
        rng = np.random.default_rng([self.case.spec.seed, self.replication])
        start_s = float(requests.arrival_s[0])
        self.begun = self.at = Snapshot(start_s, 0.0, 0.0, 0.0, 0.0)
        return begin_stream(requests, self.case.fleet, rng=rng)

    def _count(self, served: Served, *, first: int) -> None:
        machine, load, told, asked, classes, _ = served
        count_requests(self.tally, self.judging, machine, load, told, asked, classes, first)

    def _book(self, window: int, now: Snapshot) -> None:
        """What the fleet did since the last account, into the row of a window."""
        before = self.at
        self.rows[:, window] += (
            now.busy_s - before.busy_s,
            now.sequence_time_s - before.sequence_time_s,
            now.kv_token_time_s - before.kv_token_time_s,
        )

    def _is_answered(self) -> bool:
        """Whether nothing that is counted is under way."""
        assert self.stream is not None
        assert self.stream.last is not None
        last = self.stream.last
        return not (last.load.arrival_s[last.live] < self.judging.end_s).any()

    def _end(self) -> FleetAccounts | None:
        """Serve what is under way to its end."""
        if self.stream is None or self.stream.last is None:
            return None
        begin_s = self.clock()
        live = self.stream.last.live
        served, accounts = end_stream(self.stream)
        self.wall_s += self.clock() - begin_s
        rest = _only(served, live)
        self._count(rest, first=0)
        self.ended = snapshot(served.machine, self.stream.now_s)
        return accounts

    def _told(self, accounts: FleetAccounts | None, is_stopped: bool) -> ShardResult:
        whole = self.shard.warm_from == self.shard.begin == 0 and self.is_last
        return ShardResult(
            tally=self.tally._replace(bins=np.zeros((0, 0), dtype=np.int64)),
            sketches=tuple(sketch_of(bins) for bins in self.tally.bins),
            api=self.api,
            begun=self.begun,
            ended=self.ended or self.at,
            busy_s=self.rows[0],
            sequence_time_s=self.rows[1],
            kv_token_time_s=self.rows[2],
            num_found=self.num_found,
            num_left=self.num_left,
            num_requests=int(self.tally.status.sum()),
            accounts=accounts if whole else None,
            kernel_wall_s=self.wall_s,
            is_partial=is_stopped,
        )


def _only(served: Served, rows: Ints) -> Served:
    """Some requests of a window."""
    load: Any = [column[rows] for column in served.load]  # each column keeps its type, which a list cannot say
    told: Any = [column[rows] for column in served.told]
    machine = served.machine._replace(requests=served.machine.requests[rows])
    return Served(machine, Load(*load), Told(*told), served.asked_tokens[rows], served.classes[rows], rows)


def _judging(case: Case, shard: Shard, edges_s: Floats) -> Judging:
    metric, limit_s = slo_limits(case.slo)
    spec = case.spec
    return Judging(
        begin_s=float(edges_s[shard.begin]) if shard.begin else -np.inf,
        end_s=float(edges_s[shard.end]) if shard.end < edges_s.size - 1 else np.inf,
        edges_s=edges_s,
        monday_s=since_monday_s(case.start_at),
        metric=metric,
        limit_s=limit_s,
        api_ttft_s=np.nan if spec.api_ttft_s is None else spec.api_ttft_s,
        api_itl_s=np.nan if spec.api_itl_s is None else spec.api_itl_s,
        outside=outside_of(case.fleet),
    )


def _require_fit(case: Case, requests: Requests, name: str) -> None:
    """A look at the longest lengths spares most windows the look at every request."""
    options = case.fleet.replicas[0].options
    longest = int(requests.input_tokens.max()) + int(requests.output_tokens.max()) + options.num_draft_tokens
    if longest > options.num_kv_blocks * options.block_tokens:
        require_requests_fit(options, requests, name=name)
