"""Where the numbers of an operating point come from: formula, terms with their units, and the source of each."""

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.ranges import range_term
from tokonomics.economics.hardware.replica_price import ReplicaPrice
from tokonomics.economics.serving.frontier import Sweep, SweepPoint, bound_of
from tokonomics.physics.steady import steady_batch
from tokonomics.physics.step import step_time
from tokonomics.units import SECONDS_PER_HOUR

_STEP, _BOUND = "docs/model-cards/step-time.md", "docs/model-cards/frontier.md"
_MODELLED = "modelled"


def explain_point(one: Sweep, point: SweepPoint, price: ReplicaPrice) -> tuple[Explanation, ...]:
    """The gap between tokens, the throughput, the bound and, where the hour has a price, the cost of a token."""
    told = (_gap(one, point), _throughput(one, point), _bound(one, point))
    return told if point.cost is None else (*told, _cost(one, point, price))


def _gap(one: Sweep, point: SweepPoint) -> Explanation:
    replica = one.replica
    source = f"{_STEP}; {replica.deployment.constants.engine} constants: {replica.deployment.constants.status}"
    time = step_time(replica.step, point.batch, replica.load.shape.context_tokens)
    steady = steady_batch(replica.step, point.batch, replica.load.shape)
    terms = {
        "weights and their arithmetic": time.gemm_s,
        "KV cache": time.decode_attention_s,
        "prompts of others": steady.mean_step_s - steady.short_step_s,
        "communication": time.communication_s,
        "overhead": time.overhead_s,
    }
    return Explanation(
        number="mean_itl_s",
        option=_option(one, point),
        value=point.mean_itl_s,
        unit="s",
        formula=" + ".join(terms),
        terms=(
            *(Term(name, float(value), "s", _MODELLED, source) for name, value in terms.items()),
            range_term("mean gap", point.mean_itl_s, point.itl_sd_log, "s"),
        ),
    )


def _throughput(one: Sweep, point: SweepPoint) -> Explanation:
    return Explanation(
        number="output_tokens_per_s",
        option=_option(one, point),
        value=point.output_tokens_per_s,
        unit="tokens/s",
        formula="batch / mean gap",
        terms=(
            Term("batch", point.batch, "sequences", "assumed", "the point of the sweep"),
            Term("mean gap", point.mean_itl_s, "s", _MODELLED, "mean_itl_s"),
            range_term("throughput", point.output_tokens_per_s, point.rate_sd_log, "tokens/s"),
        ),
    )


def _bound(one: Sweep, point: SweepPoint) -> Explanation:
    bound = bound_of(one.replica, float(point.batch))
    part = one.deployment.accelerator
    return Explanation(
        number="bound_tokens_per_s",
        option=_option(one, point),
        value=point.bound_tokens_per_s,
        unit="tokens/s",
        formula="batch / max(memory, arithmetic, link)",
        terms=(
            Term("batch", point.batch, "sequences", "assumed", "the point of the sweep"),
            Term("memory", float(bound.memory_s), "s", _MODELLED, f"{_BOUND}; bandwidth of {part.id}: {part.source}"),
            Term("arithmetic", float(bound.compute_s), "s", _MODELLED, f"{_BOUND}; rates of {part.id}: {part.source}"),
            Term("link", float(bound.link_s), "s", _MODELLED, f"{_BOUND}; link of {part.id}: {part.source}"),
        ),
    )


def _cost(one: Sweep, point: SweepPoint, price: ReplicaPrice) -> Explanation:
    assert point.cost is not None
    assert one.replica_usd_per_hour is not None
    hour = Term("replica", one.replica_usd_per_hour, "USD/h", _MODELLED, f"{one.num_gpus} x gpu_usd_per_hour")
    return Explanation(
        number="usd_per_mtok.output",
        option=_option(one, point),
        value=point.cost.output_usd_per_mtok,
        unit="USD per M tokens",
        formula="replica x (1 - prompt share) / (throughput x 3,600) x 1e6",
        terms=(
            *((price.term,) if price.term else ()),
            hour,
            Term("prompt share", point.prefill_frac, "share of time", _MODELLED, _STEP),
            Term("throughput", point.output_tokens_per_s, "tokens/s", _MODELLED, "output_tokens_per_s"),
            Term("hour", SECONDS_PER_HOUR, "s", "assumed", "definition"),
            range_term("cost", point.cost.output_usd_per_mtok, point.rate_sd_log, "USD per M tokens"),
        ),
    )


def _option(one: Sweep, point: SweepPoint) -> str:
    return f"{one.deployment.model.id} on {one.name} at batch {point.batch:,}"
