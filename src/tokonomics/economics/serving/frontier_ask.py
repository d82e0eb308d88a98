"""From the words of a user to a frontier: names looked up, layouts chosen, hours priced, limits and figures read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.ranges import OpenEnds, solved_ends
from tokonomics.economics.hardware.replica_price import CHEAPEST_LISTED, Rent, ReplicaPrice, replica_price
from tokonomics.economics.serving.dominance import mark_dominated
from tokonomics.economics.serving.frontier import DEFAULT_PERCENTILE, Sweep, sweep
from tokonomics.economics.serving.kv_pressure import KvPressure, kv_pressure
from tokonomics.economics.serving.operating_points import (
    OperatingPoint,
    SharedFleet,
    operating_point,
    preset_slos,
    shared_fleet,
)
from tokonomics.economics.serving.roofline import Ridge, ridges
from tokonomics.economics.serving.steady_load import SteadyLoad, decode_only, request_load
from tokonomics.economics.serving.user_figures import CheckedFigure, UserFigure, check_figure
from tokonomics.errors import Infeasible, raise_all
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.fit import Layouts, smallest_fit
from tokonomics.units import MS
from tokonomics.workload.slo import parse_slo

DEFAULT_TOKENS = 1024.0
"""Tokens in and out where nothing is stated: a running sequence then holds 1,536, the middle of the article's range."""
_CHECKED = {"tok_s": "output_tokens_per_s", "batch": "num_sequences", "ms": "itl_s", "ctx": "context_tokens"}
_DEMANDED = ("interactive", "batch")


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontierQuestion:
    """What the user says. Without `context_tokens` the load is of requests with prompts.

    `check` holds tok_s, batch, ms and ctx of a figure; `demand` output tokens/s that are `interactive` and `batch`.
    """

    model: str
    gpus: tuple[str, ...]
    precisions: tuple[str, ...] = ()
    num_gpus: int | None = None
    kv_format: str | None = None
    engine: str = "vllm"
    context_tokens: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    rent: Rent = CHEAPEST_LISTED
    batches: tuple[int, ...] = ()
    tail_percentile: float = DEFAULT_PERCENTILE
    slos: tuple[str, ...] = ()
    num_concurrent: int | None = None
    check: Mapping[str, float] = field(default_factory=dict)
    demand: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepAnswer:
    """One deployment: its sweep, the price of its hour, and where to run it.

    `shared_ranges` are the 10-90 % ranges of the numbers of `shared`, by name.
    """

    sweep: Sweep
    price: ReplicaPrice
    operating_points: tuple[OperatingPoint, ...]
    pressure: KvPressure | None
    shared: SharedFleet | None
    shared_ranges: Mapping[str, OpenEnds | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontierAnswer:
    """Every deployment asked for that fits, the ridges of the parts, the figure checked, and what was left out."""

    load: SteadyLoad
    answers: tuple[SweepAnswer, ...]
    ridges: Mapping[str, tuple[Ridge, ...]]
    checked: CheckedFigure | None
    left_out: tuple[str, ...]


def ask_frontier(catalog: Catalog, question: FrontierQuestion) -> FrontierAnswer:
    """Sweep every deployment of the question.

    Raises: InputError with every violation; UnknownName; Infeasible where nothing fits, or a checked figure cannot;
    MissingFact for a rate that the catalogue lacks.
    """
    raise_all([*_contradictions(question), *_unknown_keys(question)])
    load = load_of(question)
    checked = _checked(catalog, question, load)
    deployments, left_out = _deployments(catalog, question, load)
    prices = [replica_price(catalog, dep.accelerator, dep.num_gpus, question.rent) for dep in deployments]
    sweeps = mark_dominated(
        [
            sweep(
                dep,
                load,
                replica_usd_per_hour=price.replica_usd_per_hour,
                tail_percentile=question.tail_percentile,
                batches=question.batches,
            )
            for dep, price in zip(deployments, prices, strict=True)
        ]
    )
    return FrontierAnswer(
        load=load,
        answers=tuple(_answer(one, price, question) for one, price in zip(sweeps, prices, strict=True)),
        ridges={dep.accelerator.id: ridges(dep.model, dep.accelerator) for dep in deployments},
        checked=checked,
        left_out=tuple(left_out),
    )


def load_of(question: FrontierQuestion) -> SteadyLoad:
    """The load of a question: decode only at a context, or requests with prompts."""
    if question.context_tokens is not None:
        return decode_only(question.context_tokens)
    return request_load(question.input_tokens or DEFAULT_TOKENS, question.output_tokens or DEFAULT_TOKENS)


def _answer(one: Sweep, price: ReplicaPrice, question: FrontierQuestion) -> SweepAnswer:
    slos = {text: parse_slo(text) for text in question.slos} or preset_slos(question.tail_percentile)
    points = tuple(operating_point(one, slo, name=name) for name, slo in slos.items())
    shared, shared_ranges = _shared(one, points[0], question.demand, price.replica_usd_per_hour)
    return SweepAnswer(
        sweep=one,
        price=price,
        operating_points=points,
        pressure=kv_pressure(one.replica, num_concurrent=question.num_concurrent) if question.num_concurrent else None,
        shared=shared,
        shared_ranges=shared_ranges,
    )


def _shared(
    one: Sweep, quick: OperatingPoint, demand: Mapping[str, float], replica_usd_per_hour: float | None
) -> tuple[SharedFleet | None, Mapping[str, OpenEnds | None]]:
    """One fleet or two for the demand; None without one, where the quick point does not run, or an unpriced hour."""
    point = quick.point
    if not demand or point is None or replica_usd_per_hour is None:
        return None, {}

    def fleet(ratio: float = 1.0) -> SharedFleet:
        return shared_fleet(
            interactive_tokens_per_s=demand.get("interactive", 0.0),
            batch_tokens_per_s=demand.get("batch", 0.0),
            quick_tokens_per_s=point.output_tokens_per_s * ratio,
            slow_tokens_per_s=float(one.dense.output_tokens_per_s[-1]) * ratio,
            replica_usd_per_hour=replica_usd_per_hour,
        )

    def numbers(ratio: float) -> dict[str, float | None]:
        return {name: value for name, value in asdict(fleet(ratio)).items() if name != "is_shared_better"}

    return fleet(), solved_ends(numbers, point.rate_sd_log)


def _checked(catalog: Catalog, question: FrontierQuestion, load: SteadyLoad) -> CheckedFigure | None:
    """The figure held against the first deployment named; its context is what the user stated, else none."""
    if not question.check:
        return None
    stated = question.context_tokens is not None or question.input_tokens is not None
    context = load.shape.context_tokens if stated else 0.0
    values = {_CHECKED[key]: value for key, value in question.check.items()}
    if "itl_s" in values:
        values["itl_s"] *= MS
    figure = UserFigure(**{"context_tokens": context, **values})
    dep = next(iter(_layouts(catalog, question, question.num_gpus or 1)))
    if question.num_gpus is None:
        dep = _smallest(dep, question, load)
    return check_figure(dep, figure)


def _deployments(catalog: Catalog, question: FrontierQuestion, load: SteadyLoad) -> tuple[list[Deployment], list[str]]:
    """Every layout that fits, and why others do not; Infeasible where none does."""
    found: list[Deployment] = []
    left_out: list[str] = []
    for dep in _layouts(catalog, question, question.num_gpus or 1):
        try:
            found.append(_smallest(dep, question, load))
        except Infeasible as misfit:
            left_out.extend(misfit.violations)
    if not found:
        raise Infeasible(*left_out)
    return found, left_out


def _layouts(catalog: Catalog, question: FrontierQuestion, num_gpus: int) -> Iterator[Deployment]:
    model = catalog.model(question.model)
    for part in [catalog.accelerator(name) for name in question.gpus]:
        for precision in question.precisions or (model.native_format,):
            yield deployment(
                model,
                part,
                precision=precision,
                kv_format=question.kv_format,
                engine=question.engine,
                tensor_parallel=num_gpus,
            )


def _smallest(dep: Deployment, question: FrontierQuestion, load: SteadyLoad) -> Deployment:
    """The layout on the number of accelerators asked for, else on the fewest that hold the longest sequence."""
    layouts = Layouts(precision=dep.precision.id, kv_format=question.kv_format, engine=question.engine)
    if question.num_gpus is not None:
        layouts = Layouts(
            gpus_per_replica=(question.num_gpus,),
            precision=dep.precision.id,
            kv_format=question.kv_format,
            engine=question.engine,
        )
    return smallest_fit(dep.model, dep.accelerator, layouts, context_tokens=load.longest_tokens).deployment


def _contradictions(question: FrontierQuestion) -> list[str]:
    lengths = (question.input_tokens, question.output_tokens)
    problems = []
    if question.context_tokens is not None and any(length is not None for length in lengths):
        problems.append("--ctx contradicts --in and --out; it leaves prompts out: keep one or the other")
    if (question.input_tokens is None) != (question.output_tokens is None):
        problems.append("--in and --out go together; give both, or --ctx for decode alone")
    if not question.gpus:
        problems.append("no accelerator named; give one or more, from `tok gpus list`")
    return problems


def _unknown_keys(question: FrontierQuestion) -> list[str]:
    pairs: Sequence[tuple[str, Mapping[str, float], Sequence[str]]] = (
        ("--check", question.check, tuple(_CHECKED)),
        ("--demand", question.demand, _DEMANDED),
    )
    return [
        f"{flag} knows no {key!r}; known: {', '.join(known)}"
        for flag, given, known in pairs
        for key in given
        if key not in known
    ]
