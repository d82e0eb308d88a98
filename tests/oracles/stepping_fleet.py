"""A fleet of stepping replicas: routers and overflow are those of `policy`, everything else is told again, plainly."""

import math
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
from tests.oracles.stepping import SteppingReplica, sequences_of

from tokonomics.physics.step import step_time
from tokonomics.policy import route_rules
from tokonomics.policy.overflow import OverflowState, Pressure, decide_overflow


@dataclass(eq=False)
class Place:
    spec: object
    replica: SteppingReplica
    state: str = "off"
    since_s: float = 0.0
    ready_s: float = math.inf
    called_s: float = math.inf
    fails_s: float = math.inf
    leased_s: float = 0.0
    billed_s: float = 0.0
    loading_s: float = 0.0
    lost_s: float = 0.0
    num_leases: int = 0
    num_lost: int = 0
    speed: tuple | None = None

    @property
    def accepts(self):
        return self.state == "ready"

    @property
    def timer_s(self):
        if self.state == "off":
            return math.inf
        return self.ready_s if self.state == "loading" else min(self.called_s, self.fails_s)


@dataclass(eq=False)
class Deployment:
    spec: object
    places: list
    target: int
    least: int
    tick_s: float = math.inf
    last_up_s: float = -math.inf
    last_down_s: float = -math.inf


@dataclass(eq=False)
class SteppingFleet:
    spec: object
    sequences: list
    expected: int
    draws: object
    unit_tokens: int
    start_s: float
    deployments: list = field(default_factory=list)
    places: list = field(default_factory=list)
    outside: list = field(default_factory=list)
    overflow: OverflowState = field(default_factory=OverflowState)
    turn: int = -1
    transfers: list = field(default_factory=list)
    sessions: object = None
    last_place: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)

    def __post_init__(self):
        for one in self.spec.replicas:
            places = [
                Place(one, SteppingReplica(one.step_model, one.options, unit_tokens=self.unit_tokens, role=one.role))
                for _ in range(one.num_places)
            ]
            least = one.autoscaling.min_replicas if one.autoscaling else one.num_replicas
            self.deployments.append(Deployment(one, places, one.num_replicas, least))
            self.places += places
        for one in self.deployments:
            for place in one.places[: one.target]:
                self.launch(place, self.start_s, 0.0)
            if one.spec.autoscaling:
                one.tick_s = self.start_s + one.spec.autoscaling.interval_s
        lines = [(self.start_s + t, k, n) for k, one in enumerate(self.spec.replicas) for t, n in one.capacity_plan]
        self.changes = sorted(lines)

    # routing
    def outstanding(self, place):
        return sum(one.input + self.expected for one in place.replica.running + place.replica.waiting)

    def queued(self, place):
        return sum(one.prompt for one in place.replica.waiting)

    def speed(self, place):
        if place.speed is None:
            place.speed = self.measured_speed(place)
        return place.speed

    def measured_speed(self, place):
        model, budget = place.spec.step_model, place.spec.options.step_budget_tokens
        drafts = place.spec.options.num_draft_tokens
        assert drafts >= 0
        rate = budget / float(step_time(model, 0, 0.0, budget, budget / 2).total_s)
        return rate, float(step_time(model, 1, 0.0).total_s - step_time(model, 1, 0.0).decode_attention_s)

    def choose(self, one):
        accepts = [int(place.accepts and self.takes(place, one)) for place in self.places]
        outstanding = [self.outstanding(place) for place in self.places]
        router = self.spec.route.router
        if router == "round_robin":
            at = route_rules.next_in_turn(self.turn, accepts)
            self.turn = max(at, 0)
            return at
        if router == "least_outstanding_tokens":
            return route_rules.least_outstanding(outstanding, accepts)
        if router == "shortest_predicted_wait":
            rates, steps = zip(*(self.speed(place) for place in self.places))
            queued = [self.queued(place) for place in self.places]
            return route_rules.shortest_wait(queued, outstanding, one.input - one.cached, rates, steps, accepts)
        ratio = self.spec.route.max_load_ratio or 2.0
        if router == "session_affine":
            last = self.last_place.get((one.transferred, self.session(one)))
            stays = [int(at == last and ok) for at, ok in enumerate(accepts)]
            return route_rules.longest_prefix(stays, outstanding, ratio, accepts)
        cached = [
            len(place.replica.find(one)[0]) * self.unit_tokens if ok else 0 for place, ok in zip(self.places, accepts)
        ]
        return route_rules.longest_prefix(cached, outstanding, ratio, accepts)

    def session(self, one):
        """Its session; a request of none is one of its own."""
        known = -1 if self.sessions is None else self.sessions[one.index]
        return known if known >= 0 else (one.index,)

    def takes(self, place, one):
        return (place.spec.role == "decode") == one.transferred

    def dispatch(self, one, now_s, *, is_new):
        at = self.choose(one)
        if self.spec.overflow and not one.transferred:
            ttft_s = math.inf
            if at >= 0:
                fresh = one.input - one.cached
                ttft_s = route_rules.predicted_ttft_s(self.queued(self.places[at]), fresh, *self.speed(self.places[at]))
            pressure = Pressure(
                now_s=now_s,
                predicted_ttft_s=ttft_s,
                queue_tokens=sum(map(self.queued, self.places)),
                request_tokens=one.input + one.output,
            )
            session = self.session(one)
            mark = None if isinstance(session, tuple) else self.marks.get(session)
            decision = decide_overflow(self.spec.overflow, self.overflow, pressure, mark)
            self.overflow, self.marks[session] = decision.state, decision.mark
            if decision.side == "api":
                one.fate = "overflowed"
                return
        if at < 0:
            self.outside.append(one)
            return
        replica = self.places[at].replica
        if is_new:
            replica.offer(one)
        else:
            replica.waiting.append(one)
        if not one.rejected:
            one.place = at
            if not isinstance(self.session(one), tuple):
                self.last_place[one.transferred, self.session(one)] = at
            if replica.boundary_s == math.inf:
                replica.boundary_s = now_s

    # leases
    def wait_s(self, mean_hours):
        return float(next(self.draws)) * mean_hours * 3600.0 if mean_hours else math.inf

    def launch(self, place, now_s, load_s):
        place.state, place.since_s, place.ready_s = "loading", now_s, now_s + load_s
        place.num_leases += 1
        if load_s == 0:
            self.make_ready(place, now_s)

    def make_ready(self, place, now_s):
        place.state = "ready"
        place.loading_s += now_s - place.since_s
        place.called_s = now_s + self.wait_s(place.spec.mean_spot_life_hours)
        place.fails_s = now_s + self.wait_s(place.spec.mean_time_to_failure_hours)

    def give_back(self, place, now_s):
        lease_s = now_s - place.since_s
        if place.state == "loading":
            place.loading_s += lease_s
        step_s = place.spec.billing_increment_s
        billed_s = math.ceil(lease_s / step_s) * step_s if step_s else lease_s
        place.leased_s += lease_s
        place.billed_s += max(billed_s, place.spec.min_billed_s)
        place.state = "off"
        place.replica.idle.clear()

    def give_back_if_empty(self, place, now_s):
        if place.state in ("draining", "leaving") and not place.replica.running and not place.replica.waiting:
            self.give_back(place, now_s)

    def reach_target(self, dep, now_s):
        def in_state(state):
            return [place for place in dep.places if place.state == state]

        while len(in_state("loading") + in_state("ready")) < dep.target:
            if in_state("draining"):
                in_state("draining")[0].state = "ready"
            elif in_state("off"):
                self.launch(in_state("off")[0], now_s, dep.spec.load_s)
            else:
                return
        while len(in_state("loading") + in_state("ready")) > dep.target:
            if in_state("loading"):
                self.give_back(in_state("loading")[0], now_s)
            else:
                place = min(reversed(in_state("ready")), key=self.outstanding)
                place.state = "draining"
                self.give_back_if_empty(place, now_s)

    def tick(self, dep, now_s):
        scaling = dep.spec.autoscaling
        num = len(self.outside) + sum(len(one.replica.running) + len(one.replica.waiting) for one in dep.places)
        wanted = max(dep.least, min(scaling.max_replicas, math.ceil(num / scaling.target_requests)))
        if wanted > dep.target and now_s - dep.last_up_s >= scaling.up_cooldown_s:
            dep.target, dep.last_up_s = wanted, now_s
        elif wanted < dep.target and now_s - max(dep.last_up_s, dep.last_down_s) >= scaling.down_cooldown_s:
            dep.target, dep.last_down_s = wanted, now_s
        self.reach_target(dep, now_s)
        dep.tick_s = now_s + scaling.interval_s

    def change(self, now_s):
        _, kind, num = self.changes.pop(0)
        dep = self.deployments[kind]
        dep.least = num
        dep.target = max(dep.target, num) if dep.spec.autoscaling else num
        self.reach_target(dep, now_s)

    def ring_place(self, place, now_s):
        if place.state == "loading":
            self.make_ready(place, now_s)
        elif place.state == "leaving" or place.fails_s <= place.called_s:
            self.lose(place, now_s)
        else:
            place.state = "leaving"
            place.called_s = now_s + place.spec.spot_notice_s
            self.reach_target(self.deployment_of(place), now_s)
            self.give_back_if_empty(place, now_s)

    def deployment_of(self, place):
        return next(one for one in self.deployments if place in one.places)

    def lose(self, place, now_s):
        replica = place.replica
        if replica.pending:
            place.lost_s += now_s - replica.clock_s
        moved = list(replica.running), sorted(replica.waiting, key=lambda one: one.level * self.by_level(place))
        for one in moved[0]:
            one.losses += 1
            if one.decoding:
                one.generated = math.floor(one.context) - one.input
            one.decoding, one.computed, one.blocks, one.chunk, one.held = False, 0, 0, 0, set()
        replica.running, replica.waiting, replica.pending = [], [], None
        replica.holders, replica.idle, replica.boundary_s = {}, [], math.inf
        place.num_lost += 1
        self.give_back(place, now_s)
        self.reach_target(self.deployment_of(place), now_s)
        for one in moved[0] + moved[1]:
            one.transferred = False
            if not self.spec.keep_tokens:
                one.generated, one.first_token_s = 0, math.nan
            self.dispatch(one, now_s, is_new=False)

    def by_level(self, place):
        return int(place.spec.options.queueing == "priority")

    # the loop
    def timers(self):
        clocks = [(place.timer_s, order, place) for order, place in enumerate(self.places)]
        clocks += [(dep.tick_s, len(self.places) + order, dep) for order, dep in enumerate(self.deployments)]
        if self.changes:
            clocks.append((self.changes[0][0], 1e6, None))
        if self.transfers:
            clocks.append((self.transfers[0][0], 2e6, self.transfers))
        return min(clocks, key=lambda clock: clock[:2])

    def ring(self, now_s, what):
        if what is None:
            self.change(now_s)
        elif what is self.transfers:
            self.dispatch(what.pop(0)[2], now_s, is_new=False)
        elif isinstance(what, Place):
            self.ring_place(what, now_s)
        else:
            self.tick(what, now_s)
        if any(place.accepts for place in self.places):
            homeless, self.outside = self.outside, []
            for one in homeless:
                self.dispatch(one, now_s, is_new=False)

    def collect(self, place):
        spec = place.spec
        for one in place.replica.outbox:
            due_s = (
                place.replica.clock_s + spec.kv_transfer_latency_s + (one.prompt - 1) / spec.kv_transfer_tokens_per_s
            )
            self.transfers.append((due_s, one.index, one))
        self.transfers.sort(key=lambda transfer: transfer[:2])
        place.replica.outbox = []

    def run(self):
        coming, now_s = list(self.sequences), self.start_s
        while True:
            arrival_s = coming[0].arrival_s if coming else math.inf
            place = min(self.places, key=lambda one: one.replica.boundary_s)
            boundary_s = place.replica.boundary_s
            timer_s, _, what = self.timers()
            if coming and arrival_s <= min(boundary_s, timer_s):
                now_s = arrival_s
                self.dispatch(coming.pop(0), now_s, is_new=True)
            elif boundary_s < math.inf and boundary_s <= timer_s:
                now_s = boundary_s
                place.replica.end()
                self.collect(place)
                place.replica.begin()
                self.give_back_if_empty(place, now_s)
            elif timer_s < math.inf and (coming or boundary_s < math.inf or self.outside or self.transfers):
                self.ring(timer_s, what)
            else:
                break
        for place in self.places:
            if place.state != "off":
                self.give_back(place, now_s)
        return now_s


def step_fleet(load, spec, rng, expected, hashes=None):
    """Replay `load` on a fleet; returns the fleet, whose sequences have their fate, and when it ended."""
    draws = cycle(rng.exponential(size=1 << 16))  # used in turn, over again when all are used
    sequences = sequences_of(load, hashes)
    unit_tokens = hashes.tokens_per_block if hashes else 0
    fleet = SteppingFleet(
        spec, sequences, expected, draws, unit_tokens, float(load.arrival_s[0]), sessions=load.session
    )
    return fleet, fleet.run()


def fates(sequences):
    return np.array(["rejected" if one.rejected else one.fate for one in sequences])
