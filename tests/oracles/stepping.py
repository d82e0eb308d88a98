"""The engine, one step at a time, in plain Python: slow, obvious, and the judge of the compiled kernel.

It shares no code with the kernel but the options and the physics: sequences are objects, blocks are handed out one
sequence after the other, and every step asks `physics.step.step_time` for its length.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from tokonomics.physics.step import step_time


@dataclass(eq=False)
class Sequence:
    index: int
    arrival_s: float
    input: int
    output: int
    level: int
    cached: int
    generated: int = 0
    computed: int = 0
    context: float = 0.0  # of a decoding sequence, the tokens its next step attends to
    produced: float = 0.0
    decoding: bool = False
    blocks: int = 0
    chunk: int = 0
    scheduled_s: float = math.nan
    first_token_s: float = math.nan
    finish_s: float = math.nan
    preemptions: int = 0
    losses: int = 0
    fate: str = "done"
    place: int = -1
    transferred: bool = False
    rejected: bool = False
    units: tuple = ()  # ids of the whole hashed blocks of the prompt
    held: set = field(default_factory=set)

    @property
    def prompt(self):
        return self.input + self.generated


@dataclass(eq=False)
class SteppingReplica:
    model: object
    options: object
    clock_s: float = 0.0
    waiting: list = field(default_factory=list)
    running: list = field(default_factory=list)
    decode_s: float = 0.0
    prefill_s: float = 0.0
    num_steps: int = 0
    prefilled: int = 0
    peak_blocks: int = 0
    sequence_seconds: float = 0.0
    unit_tokens: int = 0
    holders: dict = field(default_factory=dict)  # unit -> number of running sequences that hold it
    boundary_s: float = math.inf
    role: str = "mixed"
    outbox: list = field(default_factory=list)
    pending: tuple | None = None
    idle: list = field(default_factory=list)  # units nobody holds, the least recently used first

    def free_blocks(self):
        """Blocks that are free, or held by idle units only."""
        per_unit = self.unit_tokens // self.options.block_tokens
        twice = sum(num - 1 for num in self.holders.values()) * per_unit
        return self.options.num_kv_blocks - sum(one.blocks for one in self.running) + twice

    # prefix cache
    def find(self, one):
        """Leading units that are cached, and how many of them somebody holds."""
        hits = []
        for unit in one.units[: (one.prompt - 1) // self.unit_tokens]:
            if unit not in self.holders and unit not in self.idle:
                break
            hits.append(unit)
        return hits, sum(unit in self.holders for unit in hits)

    def hold(self, one, unit):
        if unit in self.idle:
            self.idle.remove(unit)
        self.holders[unit] = self.holders.get(unit, 0) + 1
        one.held.add(unit)

    def release(self, one):
        for unit in reversed(one.units):
            if unit in one.held:
                one.held.remove(unit)
                self.holders[unit] -= 1
                if not self.holders[unit]:
                    del self.holders[unit]
                    self.idle.append(unit)

    def register(self, one):
        """Units that are complete once the chunk is computed become cached, unless they are already."""
        if self.unit_tokens:
            before, after = one.computed // self.unit_tokens, (one.computed + one.chunk) // self.unit_tokens
            for unit in one.units[before:after]:
                if unit not in self.holders and unit not in self.idle:
                    self.hold(one, unit)

    def evict(self):
        while self.idle and self.room_for_admission() < len(self.idle) * (
            self.unit_tokens // self.options.block_tokens
        ):
            self.idle.pop(0)

    def blocks_of(self, tokens):
        return math.ceil(tokens / self.options.block_tokens)

    # queue
    def offer(self, sequence):
        limit = self.options.max_queued_requests
        if limit is not None and len(self.waiting) >= limit:
            sequence.rejected = True
        else:
            self.waiting.append(sequence)

    def head(self):
        if self.options.queueing == "fcfs":
            return self.waiting[0]
        return min(self.waiting, key=lambda one: one.level)  # the first of the most urgent level

    def preempt(self, victim):
        self.running.remove(victim)
        self.release(victim)
        if victim.decoding:
            victim.generated = math.floor(victim.context) - victim.input
        victim.decoding, victim.computed, victim.blocks, victim.chunk = False, 0, 0, 0
        victim.preemptions += 1
        self.waiting.insert(0, victim)

    def victim(self):
        if self.options.queueing == "priority":
            return max(self.running, key=lambda one: (one.level, one.index))
        return self.running[-1]

    def grow(self, sequence, blocks):
        """Hand blocks to a running sequence, preempting others or itself; whether it still runs, and who fell."""
        fallen = []
        while sequence in self.running and blocks - sequence.blocks > self.free_blocks():
            fallen.append(self.victim())
            self.preempt(fallen[-1])
        if sequence in self.running:
            sequence.blocks = blocks
        return fallen

    # scheduling
    def schedule(self):
        """Set the chunks of the step; returns the decodes that run in it."""
        for one in self.running:
            one.chunk = 0
        if self.options.batching == "prefill_first":
            self.evict()
            self.admit(self.options.step_budget_tokens)
            if any(one.chunk for one in self.running):
                return []
            self.run_on()
            self.evict()
            return [one for one in self.running if one.decoding]
        fallen, budget = self.run_on()
        self.evict()
        if not fallen:
            self.admit(budget)
        return [one for one in self.running if one.decoding]

    def run_on(self):
        drafts, fallen = self.options.num_draft_tokens, []
        for one in [one for one in self.running if one.decoding]:
            if one in self.running:
                fallen += self.grow(one, self.blocks_of(one.context + drafts))
        for one in [one for one in self.running if not one.decoding]:
            while one in self.running:
                chunk = min(one.prompt - one.computed, self.budget_left())
                before = len(fallen)
                if self.blocks_of(one.computed + chunk) - one.blocks > self.free_blocks():
                    fallen.append(self.victim())
                    self.preempt(fallen[-1])
                if len(fallen) == before:
                    one.blocks, one.chunk = self.blocks_of(one.computed + chunk), chunk
                    self.register(one)
                    break
        return fallen, self.budget_left()

    def budget_left(self):
        rows = sum(1 + self.options.num_draft_tokens if one.decoding else one.chunk for one in self.running)
        return self.options.step_budget_tokens - rows

    def admit(self, budget):
        o = self.options
        while self.waiting and budget > 0 and len(self.running) < o.max_sequences:
            one = self.head()
            if one.transferred:
                need = self.blocks_of(one.prompt + o.num_draft_tokens)
                if need + (o.watermark_blocks if self.running else 0) > self.room_for_admission():
                    return
                self.waiting.remove(one)
                self.running.append(one)
                one.transferred, one.decoding, one.blocks = False, True, need
                one.context, one.produced = float(one.prompt), float(one.generated)
                budget -= 1 + o.num_draft_tokens
                self.evict()
                continue
            hits, num_held = [], 0
            if self.unit_tokens:
                hits, num_held = self.find(one)
                cached = len(hits) * self.unit_tokens
            else:
                cached = one.cached
            left = one.prompt - cached
            if o.batching == "prefill_first":
                if left > budget and any(other.chunk for other in self.running):
                    return
                chunk = left
            else:
                chunk = min(left, budget)
            need = self.blocks_of(cached + chunk)
            check = self.blocks_of(one.prompt) if o.reserve_full_input else need
            check -= num_held * (self.unit_tokens // o.block_tokens)
            if check + (o.watermark_blocks if self.running else 0) > self.room_for_admission():
                return
            self.waiting.remove(one)
            for unit in hits:
                self.hold(one, unit)
            one.cached, one.computed, one.chunk, one.blocks = cached, cached, chunk, need
            self.register(one)
            self.running.append(one)
            self.evict()
            if math.isnan(one.scheduled_s):
                one.scheduled_s = self.clock_s
            budget -= chunk

    def room_for_admission(self):
        """Free blocks, once every decode has those of its next step."""
        drafts = self.options.num_draft_tokens
        waiting = sum(self.blocks_of(one.context + drafts) - one.blocks for one in self.running if one.decoding)
        return self.free_blocks() - waiting

    # time
    def seconds(self, decodes, prompts):
        drafts = self.options.num_draft_tokens
        mean = sum(one.context for one in decodes) / len(decodes) if decodes else 0.0
        tokens = sum(one.chunk for one in prompts)
        pairs = sum(one.chunk * (one.computed + one.chunk / 2) for one in prompts)
        extra = tokens + drafts * len(decodes)
        attended = (pairs + drafts * len(decodes) * mean) / extra if extra else 0.0
        time_s = float(step_time(self.model, len(decodes), mean, extra, attended, has_prompt=bool(prompts)).total_s)
        if drafts and decodes:
            plain = float(step_time(self.model, len(decodes), mean).total_s)
            time_s += drafts * self.options.draft_cost_ratio * plain
        return time_s

    def begin(self):
        """Schedule the next step; `boundary_s` says when it ends, inf without one."""
        decodes = self.schedule()
        prompts = [one for one in self.running if one.chunk]
        assert self.free_blocks() >= len(self.idle) * (self.unit_tokens // self.options.block_tokens)
        assert len(self.running) <= self.options.max_sequences
        if not decodes and not prompts:
            assert not self.running
            assert not self.waiting
            self.boundary_s = math.inf
            return
        self.peak_blocks = max(self.peak_blocks, self.options.num_kv_blocks - self.free_blocks())
        time_s = self.seconds(decodes, prompts)
        decode_s = (self.seconds(decodes, []) if decodes else 0.0) if prompts else time_s
        self.pending = decodes, prompts, time_s, decode_s
        self.boundary_s = self.clock_s + time_s

    def end(self):
        """Finish the step that runs, if one does."""
        self.clock_s = self.boundary_s
        if self.pending is None:
            return
        decodes, prompts, time_s, decode_s = self.pending
        self.pending = None
        self.decode_s += decode_s
        self.prefill_s += time_s - decode_s
        self.prefilled += sum(one.chunk for one in prompts)
        self.sequence_seconds += len(self.running) * time_s
        self.num_steps += 1
        self.finish_step(decodes, prompts)

    def finish_step(self, decodes, prompts):
        for one in decodes:
            one.context += self.options.round_tokens
            one.produced += self.options.round_tokens
        for one in prompts:
            one.computed += one.chunk
            if one.computed == one.prompt:
                one.decoding = True
                one.context = one.prompt + 1.0
                one.produced = one.generated + 1.0
                if math.isnan(one.first_token_s):
                    one.first_token_s = self.clock_s
        new = [one for one in prompts if one.decoding]
        done = [one for one in self.running if one.decoding and one.produced >= one.output and one not in new]
        for one in sorted(done, key=lambda one: one.index):  # decodes end before prompts, which end in their own order
            self.finish(one)
        for one in new:
            if one.produced >= one.output:
                self.finish(one)
            elif self.role == "prefill":
                self.hand_over(one)

    def finish(self, one):
        one.finish_s = self.clock_s
        self.drop(one)

    def hand_over(self, one):
        one.generated += 1
        one.transferred, one.decoding, one.computed, one.chunk = True, False, 0, 0
        self.drop(one)
        self.outbox.append(one)

    def drop(self, one):
        one.blocks = 0
        self.running.remove(one)
        self.release(one)


def sequences_of(load, hashes=None):
    def units(index):
        if hashes is None:
            return ()
        whole = int(load.input_tokens[index]) // hashes.tokens_per_block
        return tuple(hashes.ids[hashes.offsets[index] : hashes.offsets[index + 1]].tolist()[:whole])

    return [
        Sequence(
            index=index,
            arrival_s=float(load.arrival_s[index]),
            input=int(load.input_tokens[index]),
            output=int(load.output_tokens[index]),
            level=int(load.level[index]),
            cached=int(load.cached_tokens[index]),
            units=units(index),
        )
        for index in range(load.arrival_s.size)
    ]


def step_replica(load, model, options, hashes=None):
    """Replay `load` on one replica; returns the replica and its sequences, all finished or rejected."""
    replica, sequences = SteppingReplica(model, options), sequences_of(load, hashes)
    replica.unit_tokens = hashes.tokens_per_block if hashes else 0
    coming = list(sequences)
    while coming or replica.waiting or replica.running:
        if not replica.waiting and not replica.running:
            replica.clock_s = max(replica.clock_s, coming[0].arrival_s)
        while coming and coming[0].arrival_s <= replica.clock_s:
            replica.offer(coming.pop(0))
        if replica.waiting or replica.running:
            replica.begin()
            replica.end()
    return replica, sequences


def column(sequences, name):
    return np.array([getattr(one, name) for one in sequences])
