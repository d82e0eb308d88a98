"""A case: a measurement in the terms of the physics, or the reason why it cannot be put in them."""

from dataclasses import dataclass, replace

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.catalog.model import Model
from tokonomics.errors import TokonomicsError
from tokonomics.measure import assumptions as assumed
from tokonomics.measure.assumptions import Layout
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.names import EngineName, find_accelerator, find_engine, find_model
from tokonomics.measure.note import Note, read_note
from tokonomics.measure.runs import RunShape, run_shape
from tokonomics.measure.serving import engine_limits, source_server
from tokonomics.physics.capacity import MemoryBox, memory_box
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.step import StepModel, step_model

_ROOM_SEQUENCES = 8
"""Where no layout is stated, a replica is the fewest accelerators that hold at least so many sequences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What the names of a measurement stand for; None where nothing knows them."""

    model: Model | None
    accelerator: Accelerator | None
    precision: str | None
    engine: EngineName


@dataclass(frozen=True, kw_only=True, slots=True)
class Replica:
    """A deployment with its step time and its memory."""

    deployment: Deployment
    step_model: StepModel
    box: MemoryBox


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One replica of a measured system and what it was asked; `num_replicas` equal ones share the load.

    `num_sequences` is the number in flight or in the batch of the whole system, None for an open loop or a queue.
    """

    measurement: Measurement
    note: Note
    run: RunShape
    replica: Replica
    num_replicas: int
    input_tokens: float
    output_tokens: float
    num_sequences: int | None

    @property
    def num_working(self) -> int:
        """Replicas with something to do: few sequences keep no more replicas busy than there are sequences."""
        return min(self.num_replicas, self.num_sequences) if self.num_sequences else self.num_replicas


@dataclass(frozen=True, kw_only=True, slots=True)
class NoCase:
    """A measurement that the physics cannot be asked about, with the reason."""

    reason: str


class CaseBuilder:
    """Turns measurements into cases; equal deployments, names and notes are worked out once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._replicas: dict[tuple[object, ...], Replica] = {}
        self._names: dict[tuple[str, ...], Names] = {}
        self._notes: dict[str, Note] = {}

    def names(self, row: Measurement) -> Names:
        """What the names of `row` stand for."""
        key = (row.model, row.gpu, row.weight_dtype, row.engine, row.engine_version, row.source_id)
        if key not in self._names:
            engine = find_engine(row.engine, assumed.engine_version(row))
            model, part = find_model(row.model, self._catalog), find_accelerator(row.gpu, self._catalog)
            fmt = assumed.precision(row, engine, model, part)
            self._names[key] = Names(model=model, accelerator=part, engine=engine, precision=fmt)
        return self._names[key]

    def note(self, row: Measurement) -> Note:
        """What the note of `row` says."""
        if row.note not in self._notes:
            self._notes[row.note] = read_note(row.note)
        return self._notes[row.note]

    def case(self, row: Measurement) -> Case | NoCase:
        """The case of `row`, or why there is none."""
        names, note, shape = self.names(row), self.note(row), assumed.lengths(row)
        gap = _gap(row, names)
        if gap or shape is None:
            return NoCase(reason=gap or "neither the row nor its data set states the lengths of requests")
        try:
            replica = self._replica(row, sum(shape))
        except TokonomicsError as error:
            return NoCase(reason=str(error))
        run = run_shape(row, note)
        return Case(
            measurement=row,
            note=note,
            run=run,
            replica=replica,
            num_replicas=max(round(assumed.system_gpus(row, note) / replica.deployment.num_gpus), 1),
            input_tokens=shape[0] * run.mean_ratio,
            output_tokens=shape[1] * run.mean_ratio,
            num_sequences=row.num_in_flight if row.mode == "concurrency" else row.num_static,
        )

    def _replica(self, row: Measurement, context_tokens: float) -> Replica:
        """The stated layout; else the fewest accelerators that hold a batch worth running, all where none does."""
        stated = assumed.stated_layout(row, self.note(row), self.names(row).engine)
        if stated is not None:
            return self._built(row, stated)
        num_gpus, ranks = assumed.system_gpus(row, self.note(row)), 1
        while ranks < num_gpus:
            found = self._built(row, Layout(tensor_parallel=ranks, pipeline_parallel=1))
            if found.box.max_batch(context_tokens) >= _ROOM_SEQUENCES:
                return found
            ranks *= 2
        return self._built(row, Layout(tensor_parallel=num_gpus, pipeline_parallel=1))

    def _built(self, row: Measurement, layout: Layout) -> Replica:
        names, note = self.names(row), self.note(row)
        assert names.model is not None
        assert names.accelerator is not None
        model, part, engine = names.model, names.accelerator, names.engine.engine
        is_spread = model.is_moe and (row.ep or 1) > 1
        usual = engine_limits(engine, part)
        known = source_server(row.source_id, engine=engine, family=part.family, precision=names.precision or "")
        kv = row.kv_dtype or known.kv_format or assumed.kv_format(engine, names.precision)
        budget = note.step_budget_tokens or known.step_budget_tokens or usual.step_budget_tokens
        most = note.max_sequences or usual.max_sequences
        key = (model.id, part.id, names.precision, kv, engine, layout, is_spread, note.has_attention_dp, budget, most)
        if key not in self._replicas:
            dep = deployment(
                model,
                part,
                precision=names.precision,
                kv_format=kv,
                engine=engine,
                tensor_parallel=layout.tensor_parallel,
                pipeline_parallel=layout.pipeline_parallel,
                expert_parallel=is_spread,
                attention_data_parallel=note.has_attention_dp,
            )
            dep = replace(dep, step_budget_tokens=budget, max_sequences=most)
            self._replicas[key] = Replica(deployment=dep, step_model=step_model(dep), box=memory_box(dep))
        return self._replicas[key]


def _gap(row: Measurement, names: Names) -> str:
    """What no rule can fill."""
    if names.model is None:
        return f"model {row.model!r} is not in the catalogue"
    if names.accelerator is None:
        return f"accelerator {row.gpu!r} is not in the catalogue" if row.gpu else "the accelerator is not stated"
    if names.precision is None:
        return f"weight format {row.weight_dtype!r} is in no table"
    if row.num_gpus is None and row.tp is None:
        return "the number of accelerators is not stated"
    return ""
