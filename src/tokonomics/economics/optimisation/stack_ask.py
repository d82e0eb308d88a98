"""From the words of a user to the stack: names looked up, the replica sized, its hour priced, the SLO parsed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.ranges import range_term
from tokonomics.economics.hardware.replica_price import CHEAPEST_LISTED, Rent, ReplicaPrice, replica_price
from tokonomics.economics.optimisation.cross_test import CrossTest, cross_test
from tokonomics.economics.optimisation.quantisation import FormatChange, FormatGain, format_change, format_gains
from tokonomics.economics.optimisation.stack import Stack, stack
from tokonomics.economics.optimisation.stack_outcome import Pricing
from tokonomics.economics.optimisation.stack_steps import SIXTEEN_BIT, Served
from tokonomics.economics.serving.operating_points import UNLIMITED
from tokonomics.economics.serving.steady_load import decode_only
from tokonomics.physics.fit import Layouts, smallest_fit
from tokonomics.workload.slo import parse_slo

_GAIN_BATCHES = (1, 4, 16, 64, 256)


@dataclass(frozen=True, kw_only=True, slots=True)
class StackQuestion:
    """What the user says; `stated` replaces rows of the table of assumptions."""

    model: str
    gpu: str
    precision: str = "int4-awq"
    kv_format: str = "fp8"
    num_gpus: int | None = None
    engine: str = "vllm"
    input_tokens: float = 1024.0
    output_tokens: float = 1024.0
    rent: Rent = CHEAPEST_LISTED
    tail_percentile: float = 99.0
    slo: str = ""
    stated: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StackAnswer:
    """The waterfall, its price, the cross-configuration test, and what the quantised format gains by batch."""

    stack: Stack
    price: ReplicaPrice
    cross: CrossTest
    change: FormatChange
    gains: tuple[FormatGain, ...]


def ask_stack(catalog: Catalog, question: StackQuestion) -> StackAnswer:
    """Climb the stack on the number of accelerators asked for, else on the fewest that hold the quantised model.

    Raises: as `stack` and `smallest_fit` do.
    """
    Checks().at_least(1, input_tokens=question.input_tokens, output_tokens=question.output_tokens).done()
    slo = parse_slo(question.slo) if question.slo else UNLIMITED
    served = _served(catalog, question)
    price = replica_price(catalog, served.accelerator, served.num_gpus, question.rent)
    pricing = Pricing(
        replica_usd_per_hour=price.replica_usd_per_hour, tail_percentile=question.tail_percentile, slo=slo
    )
    context = question.input_tokens + question.output_tokens / 2.0
    model, part = served.model, served.accelerator
    return StackAnswer(
        stack=stack(served, pricing, stated=question.stated),
        price=price,
        cross=cross_test(
            model,
            part,
            decode_only(context),
            first=(SIXTEEN_BIT, 64),
            second=(question.precision, 4),
            engine=question.engine,
        ),
        change=format_change(model, part, SIXTEEN_BIT, question.precision),
        gains=format_gains(
            model,
            part,
            SIXTEEN_BIT,
            question.precision,
            batches=_GAIN_BATCHES,
            context_tokens=context,
            engine=question.engine,
            num_gpus=served.num_gpus,
        ),
    )


def explain_stack(answer: StackAnswer) -> Explanation | None:
    """The whole factor as the product of its steps, with the assumptions they stand on; None where nothing fits."""
    one = answer.stack
    if one.total_factor is None:
        return None
    steps = tuple(
        Term(row.name, row.step_factor or 1.0, "times", "modelled", "docs/model-cards/stack.md") for row in one.kept
    )
    hour = (answer.price.term,) if answer.price.term else ()
    last = one.kept[-1].outcome
    sure = (
        (range_term("throughput at the end", last.output_tokens_per_s, last.rate_sd_log, "tokens/s"),) if last else ()
    )
    return Explanation(
        number="total_factor",
        option=f"{one.served.model.id} on {one.served.num_gpus}x {one.served.accelerator.id}",
        value=one.total_factor,
        unit="times the tokens a dollar",
        formula="the product of the factors of the kept steps",
        terms=(*steps, *hour, *sure, *one.assumed.values()),
    )


def _served(catalog: Catalog, question: StackQuestion) -> Served:
    model, part = catalog.model(question.model), catalog.accelerator(question.gpu)
    num_gpus = question.num_gpus
    if num_gpus is None:
        layouts = Layouts(precision=question.precision, engine=question.engine)
        longest = question.input_tokens + question.output_tokens
        num_gpus = smallest_fit(model, part, layouts, context_tokens=longest).deployment.num_gpus
    return Served(
        model=model,
        accelerator=part,
        input_tokens=question.input_tokens,
        output_tokens=question.output_tokens,
        precision=question.precision,
        kv_format=question.kv_format,
        engine=question.engine,
        num_gpus=num_gpus,
    )
