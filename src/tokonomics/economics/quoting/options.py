"""The records of a quote: each way to serve the traffic, with its cost, its latency and what binds it."""

from dataclasses import dataclass, field
from typing import Any

from tokonomics.economics.figures.cost_per_token import CostBases


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Where an hour or a token got its price: provider, item, date, source and standing of the row.

    `usd_per_hour` is per instance of `num_gpus` accelerators (self-hosting); None where the option is priced by
    token, or has no price at all.
    """

    provider: str
    item: str
    region: str
    purchase: str
    usd_per_hour: float | None
    num_gpus: int
    as_of: str
    source: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A 10-90 % interval in USD, of the quantity that the field's name says."""

    p10_usd: float
    p90_usd: float

    def to_dict(self) -> dict[str, float]:
        """Both ends."""
        return {"p10": self.p10_usd, "p90": self.p90_usd}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """How a self-hosted fleet runs: its layout, its load and what limits it.

    Rates and batches are of one replica at the peak rate; `utilisation_frac` is the mean rate over the capacity
    of the fleet within the SLO.
    """

    model: str
    accelerator: str
    precision: str
    engine: str
    gpus_per_replica: int
    num_replicas: int
    capacity_requests_per_s: float
    utilisation_frac: float
    batch_sequences: float
    max_batch: int
    output_tokens_per_s: float
    prefill_frac: float
    binds: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One way to serve the traffic.

    `kind` is `self_host` or `api`. `meets_slo` is None where nobody can know before measuring (an API publishes no
    latency); `fails` names the limits that are missed. `freshness` judges the age of the
    price: fresh, aging, stale or unknown. `usd_per_month` and `usd_per_mtok` are None when unpriced. The ranges hold
    80 %: of USD a month, and of blended USD per M tokens on either basis; a price by token is certain, a point.
    `slo_probability` is the chance that all limits hold, None where there are none or nobody can know.
    """

    name: str
    kind: str
    price: Price
    usd_per_mtok: CostBases | None
    usd_per_month: float | None
    operation: Operation | None = None
    num_gpus: int = 0
    num_used_gpus: int = 0
    latency_s: dict[str, float] = field(default_factory=dict)
    meets_slo: bool | None = None
    fails: tuple[str, ...] = ()
    usd_per_month_range: Range | None = None
    allocation_range: Range | None = None
    usage_range: Range | None = None
    slo_probability: float | None = None
    freshness: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_priced(self) -> bool:
        """Whether the option has a price."""
        return self.usd_per_month is not None

    def to_dict(self) -> dict[str, Any]:
        """The option as one flat row of the quote document."""
        run = self.operation
        return {
            "name": self.name,
            "kind": self.kind,
            "model": run.model if run else self.price.item,
            "provider": self.price.provider,
            "instance": self.price.item,
            "region": self.price.region,
            "purchase": self.price.purchase,
            "accelerator": run.accelerator if run else None,
            "precision": run.precision if run else None,
            "engine": run.engine if run else None,
            "usd_per_mtok": self.usd_per_mtok.to_dict() if self.usd_per_mtok else None,
            "usd_per_mtok_range": {
                "allocation": self.allocation_range.to_dict() if self.allocation_range else None,
                "usage": self.usage_range.to_dict() if self.usage_range else None,
            },
            "usd_per_month": self.usd_per_month,
            "usd_per_month_range": self.usd_per_month_range.to_dict() if self.usd_per_month_range else None,
            "slo_probability": self.slo_probability,
            "num_gpus": self.num_gpus,
            "num_used_gpus": self.num_used_gpus,
            "gpus_per_replica": run.gpus_per_replica if run else 0,
            "num_replicas": run.num_replicas if run else 0,
            "utilisation_frac": run.utilisation_frac if run else None,
            **{f"{name}_s": value for name, value in self.latency_s.items()},
            **({} if run else {"ttft_p95_s": None, "itl_p95_s": None, "e2e_p95_s": None}),
            "meets_slo": self.meets_slo,
            "fails": list(self.fails),
            "binds": run.binds if run else "price",
            "batch_sequences": run.batch_sequences if run else None,
            "max_batch": run.max_batch if run else None,
            "capacity_requests_per_s": run.capacity_requests_per_s if run else None,
            "output_tokens_per_s": run.output_tokens_per_s if run else None,
            "usd_per_instance_hour": self.price.usd_per_hour,
            "price_as_of": self.price.as_of,
            "price_freshness": self.freshness if self.is_priced else None,
            "price_source": self.price.source,
            "price_status": self.price.status if self.is_priced else "unpriced",
            "notes": list(self.notes),
        }
