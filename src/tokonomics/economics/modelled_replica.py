"""What one replica of a model handles, from the physics: the rate a build is measured by where nobody measured it."""

from dataclasses import dataclass

from tokonomics.catalog.load import Catalog
from tokonomics.economics.candidates import Search, candidates, explain_no_fit
from tokonomics.economics.demand import Demand, demand_of
from tokonomics.economics.explanation import Term
from tokonomics.economics.fleet_size import size_fleets
from tokonomics.errors import Infeasible
from tokonomics.workload.slo import Slo
from tokonomics.workload.traffic import Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelledReplica:
    """One replica: its layout and the tokens of both kinds that it handles at the largest batch within the SLO."""

    model: str
    accelerator: str
    precision: str
    num_gpus: int
    replica_tokens_per_s: float
    basis: str

    @property
    def name(self) -> str:
        """Model, precision and accelerators."""
        return f"{self.model} {self.precision} on {self.num_gpus} x {self.accelerator}"

    @property
    def term(self) -> Term:
        """The rate as an input."""
        return Term("replica_tokens_per_s", self.replica_tokens_per_s, "tokens/s", "modelled", self.basis)


def modelled_replica(
    catalog: Catalog, model: str, gpu: str, traffic: Traffic, *, slo: Slo, search: Search | None = None
) -> ModelledReplica:
    """The replica of the fewest accelerators that holds `model` and meets `slo`; of several formats the fastest.

    Raises: UnknownName; Infeasible where nothing fits, or nothing that fits meets the SLO.
    """
    record, part, demand = catalog.model(model), catalog.accelerator(gpu), demand_of(traffic, slo)
    wanted = search or Search()
    found = candidates([record], [part], demand, wanted)
    if found.step is None:
        explain_no_fit([record], [part], demand, wanted)
        raise Infeasible(f"{record.id} has no layout on {part.id}; {'; '.join(found.left_out) or 'try another gpu'}")
    sizes = size_fleets(found.step, found.max_batch_sequences, demand)
    able = [i for i in range(len(found.deployments)) if sizes.can_meet[i] and sizes.capacity_requests_per_s[i] > 0]
    if not able:
        raise Infeasible(f"no layout of {record.id} on {part.id} meets {slo}; loosen the SLO or name another gpu")
    best = min(able, key=lambda i: (found.deployments[i].num_gpus, -sizes.capacity_requests_per_s[i]))
    return _replica(found.deployments[best].precision.id, found.deployments[best].num_gpus, demand,
                    float(sizes.capacity_requests_per_s[best]), (record.id, part.id))  # fmt: skip


def _replica(
    precision: str, num_gpus: int, demand: Demand, capacity_requests_per_s: float, names: tuple[str, str]
) -> ModelledReplica:
    inputs, outputs = demand.traffic.mean_input_tokens, demand.traffic.mean_output_tokens
    within = f"within {demand.slo}" if demand.slo.limits else "at the batch that memory holds"
    return ModelledReplica(
        model=names[0],
        accelerator=names[1],
        precision=precision,
        num_gpus=num_gpus,
        replica_tokens_per_s=capacity_requests_per_s * (inputs + outputs),
        basis=f"physics at {inputs:,.0f} tokens in and {outputs:,.0f} out, {within}; docs/model-cards/step-time.md",
    )
