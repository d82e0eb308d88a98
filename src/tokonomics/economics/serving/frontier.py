"""The batch sweep of a deployment: throughput, latency and cost of a token from one sequence to what memory holds.

A batch above capacity is refused with its reason and has no numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.cost_per_token import TokenCost, TokenVolume, token_cost
from tokonomics.economics.serving.regimes import Band, diminishing_batch, regime_bands
from tokonomics.economics.serving.replica import BatchRates, Replica, batch_rates, itl_at_s, refusal, replica_of
from tokonomics.economics.serving.replica_spread import replica_spread
from tokonomics.economics.serving.roofline import RooflineBound, roofline_bound
from tokonomics.economics.serving.steady_load import SteadyLoad
from tokonomics.economics.serving.sweet_spot import ConstraintChange, SweetSpot, constraint_changes, sweet_spot
from tokonomics.errors import Infeasible
from tokonomics.physics.capacity import require_fit
from tokonomics.physics.deployment import Deployment
from tokonomics.units import SECONDS_PER_HOUR

DEFAULT_PERCENTILE = 99.0
LARGEST_BATCH = 1_000_000
CAPACITY = "capacity"
_REFUSED_SHOWN = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPoint:
    """A replica at one batch. Costs are None where the hour has no price.

    `tail_itl_s` is the gap between tokens at the sweep's percentile. `bound_tokens_per_s` is what no engine can pass.
    `bandwidth_use_frac` and `compute_use_frac` are the shares of the peak rates that the work needs (MBU and MFU),
    `kv_use_frac` that of the room for KV cache. `regime` names the band that this batch ends. `rate_sd_log` says how
    sure the throughput and the cost are, `itl_sd_log` the gaps; both are 0 at the bound.
    """

    batch: int
    output_tokens_per_s: float
    mean_itl_s: float
    tail_itl_s: float
    cost: TokenCost | None
    bound_tokens_per_s: float
    bandwidth_use_frac: float
    compute_use_frac: float
    kv_use_frac: float
    prefill_frac: float
    binds: str
    regime: str
    rate_sd_log: float
    itl_sd_log: float
    is_dominated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedBatch:
    """A batch that does not run, and why."""

    batch: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """One deployment under one load over the batch. `dense` holds every whole batch that runs, for the solvers."""

    replica: Replica
    replica_usd_per_hour: float | None
    tail_percentile: float
    points: tuple[SweepPoint, ...]
    refused: tuple[RefusedBatch, ...]
    dense: BatchRates
    bands: tuple[Band, ...]
    sweet_spot: SweetSpot
    diminishing_batch: int | None
    changes: tuple[ConstraintChange, ...]

    @property
    def deployment(self) -> Deployment:
        """What was swept."""
        return self.replica.deployment

    @property
    def name(self) -> str:
        """The deployment, for tables."""
        return self.deployment.name

    @property
    def num_gpus(self) -> int:
        """Accelerators of the replica."""
        return self.deployment.num_gpus


def sweep(
    dep: Deployment,
    load: SteadyLoad,
    *,
    replica_usd_per_hour: float | None = None,
    tail_percentile: float = DEFAULT_PERCENTILE,
    batches: Sequence[int] = (),
) -> Sweep:
    """Sweep the batch of `dep` under `load`: powers of two and the limit, or the `batches` named.

    Raises: Infeasible where not one sequence fits; MissingFact for a rate that the catalogue lacks; InputError for a
    batch below 1, a percentile outside 0..100 or a price that is not above 0.
    """
    _check(batches, tail_percentile, replica_usd_per_hour)
    require_fit(dep, context_tokens=load.longest_tokens)
    replica = replica_of(dep, load)
    asked = tuple(sorted(set(batches))) or _powers_of_two(replica.max_batch)
    dense = batch_rates(replica, replica.batches)
    rates, numbers = dense.output_tokens_per_s.tolist(), dense.batch_sequences.tolist()
    bands = regime_bands(numbers, rates)
    return Sweep(
        replica=replica,
        replica_usd_per_hour=replica_usd_per_hour,
        tail_percentile=tail_percentile,
        points=tuple(
            sweep_point(replica, batch, replica_usd_per_hour, tail_percentile, bands)
            for batch in asked
            if batch <= replica.max_batch
        ),
        refused=tuple(
            RefusedBatch(batch=batch, reason=refusal(replica, batch)) for batch in asked if batch > replica.max_batch
        ),
        dense=dense,
        bands=bands,
        sweet_spot=sweet_spot(numbers, rates, dense.mean_itl_s.tolist()),
        diminishing_batch=diminishing_batch(bands),
        changes=constraint_changes(numbers, dense.binds.tolist(), _ending(replica)),
    )


def sweep_point(
    replica: Replica,
    batch: int,
    replica_usd_per_hour: float | None,
    tail_percentile: float,
    bands: Sequence[Band] = (),
) -> SweepPoint:
    """One batch of `replica`, which holds it; Infeasible with the reason where it does not."""
    reason = refusal(replica, batch)
    if reason:
        raise Infeasible(f"batch={batch:,} does not run: {reason}")
    rates = batch_rates(replica, float(batch))
    bound = bound_of(replica, float(batch))
    load, box = replica.load, replica.box
    gap_s, spread = float(rates.mean_itl_s), replica_spread(replica, float(batch))
    return SweepPoint(
        batch=batch,
        output_tokens_per_s=float(rates.output_tokens_per_s),
        mean_itl_s=gap_s,
        tail_itl_s=float(itl_at_s(replica, float(batch), tail_percentile)),
        cost=_cost(rates, load, replica_usd_per_hour),
        bound_tokens_per_s=float(bound.output_tokens_per_s),
        bandwidth_use_frac=float(bound.memory_s) / gap_s,
        compute_use_frac=float(bound.compute_s) / gap_s,
        kv_use_frac=batch * float(box.kv.sequence_bytes(load.shape.context_tokens)) / box.kv_room_bytes,
        prefill_frac=float(rates.prefill_frac),
        binds=_ending(replica) if batch == replica.max_batch else str(rates.binds),
        regime=next((band.name for band in bands if band.low_batch < batch <= band.high_batch), bands[0].name)
        if bands
        else "",
        rate_sd_log=float(spread.rate_sd_log[0]),
        itl_sd_log=float(spread.itl_sd_log[0]),
    )


def bound_of(replica: Replica, batch: float) -> RooflineBound:
    """The bound at `batch` under the load of `replica`, its prompts included."""
    shape = replica.load.shape
    return roofline_bound(
        replica.deployment,
        batch,
        shape.context_tokens,
        prompt_tokens=batch * shape.input_tokens / shape.output_tokens,
        prompt_context_tokens=shape.input_tokens / 2.0,
    )


def _cost(rates: BatchRates, load: SteadyLoad, replica_usd_per_hour: float | None) -> TokenCost | None:
    """An hour's price over an hour's tokens."""
    if replica_usd_per_hour is None:
        return None
    output = float(rates.output_tokens_per_s) * SECONDS_PER_HOUR
    inputs = output * load.total_input_tokens / load.shape.output_tokens
    volume = TokenVolume(input_tokens=inputs, output_tokens=output)
    return token_cost(replica_usd_per_hour, volume, input_share_frac=float(rates.prefill_frac))


def _ending(replica: Replica) -> str:
    return "sequences" if replica.max_batch >= replica.box.max_sequences else CAPACITY


def _powers_of_two(limit: int) -> tuple[int, ...]:
    """1, 2, 4 ... up to the limit, the limit, and the next powers above it, to be refused."""
    below = [2**i for i in range(limit.bit_length()) if 2**i < limit]
    above = [2 ** (limit.bit_length() + i) for i in range(_REFUSED_SHOWN)]
    return (*below, limit, *above)


def _check(batches: Sequence[int], tail_percentile: float, replica_usd_per_hour: float | None) -> None:
    checks = Checks().positive(replica_usd_per_hour=replica_usd_per_hour)
    checks.that(0 < tail_percentile < 100, f"percentile={tail_percentile:g}; must lie between 0 and 100, such as 99")
    for batch in batches:
        checks.that(1 <= batch <= LARGEST_BATCH, f"batch={batch}; must lie between 1 and {LARGEST_BATCH:,}")
    checks.done()
