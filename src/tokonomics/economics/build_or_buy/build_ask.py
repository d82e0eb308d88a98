"""From the words of a user to build or buy: names looked up, a trace read, the case solved and the rules judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from tokonomics.catalog.load import Catalog
from tokonomics.economics.build_or_buy.api_wins import Burst, RuleVerdict
from tokonomics.economics.build_or_buy.build_answer import BuildAnswer, answer_build
from tokonomics.economics.build_or_buy.build_case import BuildCase
from tokonomics.economics.build_or_buy.build_inputs import POSITIVE, Found, Stated, gather_build_case
from tokonomics.economics.build_or_buy.build_rules import Circumstances, burst_of, judge_rules, rule_problems
from tokonomics.economics.figures.inputs import AS_STATED, resolve_inputs, stated_problems, values_of
from tokonomics.economics.hardware.hidden_costs import HiddenCost, hidden_cost_register
from tokonomics.economics.hardware.list_prices import HourPrice, cheapest_hour, token_price
from tokonomics.economics.quoting.candidates import Search
from tokonomics.economics.serving.modelled_replica import ModelledReplica, check_stated_rate, modelled_replica
from tokonomics.errors import raise_all
from tokonomics.units import DAYS_PER_MONTH
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import Traffic, traffic_from_rate, traffic_from_trace

_HIDDEN_INPUTS = ("engineer_usd_per_hour", "amortise_months")
_WORDS = frozenset({"name", "covers", "as_of", "source", "status", "notes"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildQuestion:
    """What the user says. `stated` holds numbers by name, None where not given; `hidden` lines of the register."""

    stated: Stated
    apis: tuple[str, ...] = ()
    gpu: str | None = None
    providers: tuple[str, ...] = ()
    purchase: str = "on_demand"
    model: str | None = None
    precision: str | None = None
    slo: str = ""
    trace: Path | None = None
    hidden: Sequence[Mapping[str, float | str]] = ()
    needs: tuple[str, ...] = ()
    api_covers: tuple[str, ...] = ()
    volumes: tuple[float, ...] = ()
    swing_frac: float = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildTold:
    """The answer with the rules that were asked; `prices_as_of` are the dates of the catalogue rows that were used."""

    answer: BuildAnswer
    rules: tuple[RuleVerdict, ...]
    burst: Burst | None
    traffic: Traffic | None
    prices_as_of: tuple[str, ...] = field(default_factory=tuple)


def ask_build(catalog: Catalog, question: BuildQuestion, *, today: date) -> BuildTold:
    """Answer a question of build or buy with the prices of `today`.

    Raises: InputError with every violation, UnknownName, MissingFact for a price, Infeasible for a model that does
    not fit.
    """
    said = _circumstances(question)
    case, found = look_up(catalog, question, today=today, problems=rule_problems(said))
    rivals = [token_price(catalog, name, today=today) for name in question.apis[1:]]
    volumes = question.volumes
    if found.traffic is not None and question.trace is not None and not volumes:
        volumes = (found.traffic.tokens_per_month / DAYS_PER_MONTH,)
    answer = answer_build(
        case,
        hidden_lines(question.hidden),
        hidden_inputs=resolve_inputs("hidden_costs", _of(question.stated, _HIDDEN_INPUTS), _HIDDEN_INPUTS),
        rivals=rivals,
        volumes=volumes,
        swing_frac=question.swing_frac,
    )
    level = volumes[0] if volumes else answer.point.volume_tokens_per_day or answer.rows[-1].volume_tokens_per_day
    return BuildTold(
        answer=answer,
        rules=judge_rules(said, answer.curves, volume_tokens_per_day=level),
        burst=burst_of(said),
        traffic=found.traffic,
        prices_as_of=(*price_dates(found), *(rival.as_of for rival in rivals)),
    )


def look_up(
    catalog: Catalog, question: BuildQuestion, *, today: date, problems: Sequence[str] = ()
) -> tuple[BuildCase, Found]:
    """The inputs of both sides, and what catalogue, physics and trace contributed; `problems` are raised with ours."""
    stated = stated_problems(question.stated, positive=POSITIVE)
    raise_all([*_incomplete(question), *stated, *problems])
    traffic = _traffic(question)
    replica = _replica(catalog, question, traffic)
    found = Found(
        hour=_hour(catalog, question, replica),
        api=token_price(catalog, question.apis[0], today=today) if question.apis else None,
        replica=replica,
        traffic=traffic,
    )
    case = gather_build_case(question.stated, found)
    _check_rate(case, found)
    return case, found


def price_dates(found: Found) -> tuple[str, ...]:
    """The dates of the catalogue rows that were used."""
    hour = (found.hour.offer.as_of,) if found.hour else ()
    return (*hour, *((found.api.as_of,) if found.api else ()))


def hidden_lines(changed: Sequence[Mapping[str, float | str]]) -> tuple[HiddenCost, ...]:
    """The register with lines changed or added by name.

    Raises: InputError for a key that no line has, or a figure that is no number.
    """
    lines = {line.name: line for line in hidden_cost_register()}
    known = {one.name for one in fields(HiddenCost)}
    problems = [problem for block in changed for problem in _block_problems(block, known)]
    raise_all(problems)
    for block in changed:
        name = str(block["name"])
        stated: dict[str, Any] = {"source": AS_STATED, "as_of": "", "status": "assumed", **block}
        lines[name] = replace(lines.get(name) or HiddenCost(name=name), **stated)
    return tuple(lines.values())


def _block_problems(block: Mapping[str, float | str], known: set[str]) -> list[str]:
    if "name" not in block:
        return ["a hidden cost has no name; begin with name=monitoring"]
    where = f"hidden cost {block['name']}"
    unknown = [key for key in block if key not in known]
    words = [key for key, value in block.items() if key in known - _WORDS and isinstance(value, str)]
    return [f"{where}: unknown key {key}; known: {', '.join(sorted(known - _WORDS))}" for key in unknown] + [
        f"{where}: {key}={block[key]!r} is no number" for key in words
    ]


def _incomplete(question: BuildQuestion) -> list[str]:
    """What must be named together."""
    lengths = [question.stated.get(name) for name in ("input_tokens", "output_tokens")]
    problems = []
    if question.model and not question.gpu:
        problems.append("--model without --gpu; name the accelerator that serves it")
    if question.model and question.trace is None and None in lengths:
        problems.append("--model needs lengths; give --input-tokens and --output-tokens, or --trace")
    if not question.model and any(length is not None for length in lengths):
        problems.append("lengths are only used with --model; leave them out, or give --input-frac")
    return problems


def _traffic(question: BuildQuestion) -> Traffic | None:
    if question.trace is not None:
        return traffic_from_trace(read_trace(question.trace))
    inputs, outputs = (question.stated.get(name) for name in ("input_tokens", "output_tokens"))
    if inputs is None or outputs is None:
        return None
    return traffic_from_rate(1.0, inputs, outputs, name=f"{inputs:,.0f} tokens in, {outputs:,.0f} out")


def _replica(catalog: Catalog, question: BuildQuestion, traffic: Traffic | None) -> ModelledReplica | None:
    if question.model is None or question.gpu is None or traffic is None:
        return None
    num_gpus = question.stated.get("num_gpus")
    search = Search(precisions=(question.precision,)) if question.precision else Search()
    search = replace(search, gpus_per_replica=(round(num_gpus),)) if num_gpus else search
    slo = parse_slo(question.slo) if question.slo else Slo(limits=())
    return modelled_replica(catalog, question.model, question.gpu, traffic, slo=slo, search=search)


def _hour(catalog: Catalog, question: BuildQuestion, replica: ModelledReplica | None) -> HourPrice | None:
    """The catalogue's price of the accelerator, unless the user states one."""
    if question.gpu is None or question.stated.get("gpu_usd_per_hour") is not None:
        return None
    num_gpus = replica.num_gpus if replica else round(question.stated.get("num_gpus") or 1)
    return cheapest_hour(
        catalog, question.gpu, providers=question.providers, purchase=question.purchase, num_gpus=num_gpus
    )


def _check_rate(case: BuildCase, found: Found) -> None:
    """A rate that is stated for a named model on a named accelerator must lie below the roofline."""
    if found.replica is None or found.traffic is None:
        return
    at = values_of(case.inputs)
    if "decode_tokens_per_s" in at:
        check_stated_rate(found.replica, found.traffic, output_tokens_per_s=at["decode_tokens_per_s"])
    elif case.inputs["replica_tokens_per_s"].source == AS_STATED and at["input_frac"] < 1:
        output = at["replica_tokens_per_s"] * (1.0 - at["input_frac"])
        check_stated_rate(found.replica, found.traffic, output_tokens_per_s=output)


def _circumstances(question: BuildQuestion) -> Circumstances:
    num_models, num_candidates = (question.stated.get(name) for name in ("num_models", "num_candidates"))
    return Circumstances(
        num_models=None if num_models is None else round(num_models),
        num_candidates=None if num_candidates is None else round(num_candidates),
        needs=frozenset(question.needs),
        api_covers=frozenset(question.api_covers),
        figures=question.stated,
    )


def _of(stated: Stated, names: Sequence[str]) -> dict[str, float | None]:
    return {name: stated.get(name) for name in names}
