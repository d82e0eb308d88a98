"""What one replica of a model handles, from the physics: the rate a build is measured by where nobody measured it."""

from dataclasses import dataclass

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.explanation import Term
from tokonomics.economics.quoting.candidates import Candidates, Search, candidates, explain_no_fit
from tokonomics.economics.quoting.demand import Demand, demand_of
from tokonomics.economics.quoting.fleet_size import size_fleets
from tokonomics.economics.serving.user_figures import UserFigure, check_figure
from tokonomics.errors import Infeasible
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.uncertainty import step_spread
from tokonomics.workload.slo import Slo
from tokonomics.workload.traffic import Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelledReplica:
    """One replica: its layout and the tokens of both kinds that it handles at the largest batch within the SLO.

    `rate_sd_log` says how sure the rate is.
    """

    deployment: Deployment
    replica_tokens_per_s: float
    rate_sd_log: float
    basis: str

    @property
    def num_gpus(self) -> int:
        """Accelerators of the replica."""
        return self.deployment.num_gpus

    @property
    def name(self) -> str:
        """Model, precision and accelerators."""
        dep = self.deployment
        return f"{dep.model.id} {dep.precision.id} on {dep.num_gpus} x {dep.accelerator.id}"

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
    inputs, outputs = traffic.mean_input_tokens, traffic.mean_output_tokens
    within = f"within {slo}" if slo.limits else "at the batch that memory holds"
    return ModelledReplica(
        deployment=found.deployments[best],
        replica_tokens_per_s=float(sizes.capacity_requests_per_s[best]) * (inputs + outputs),
        rate_sd_log=_rate_sd_log(found, best, float(sizes.batch_sequences[best]), demand),
        basis=f"physics at {inputs:,.0f} tokens in and {outputs:,.0f} out, {within}; docs/model-cards/step-time.md",
    )


def _rate_sd_log(found: Candidates, index: int, batch: float, demand: Demand) -> float:
    assert found.step is not None
    inputs, outputs = demand.shape.input_tokens, demand.shape.output_tokens
    spread = step_spread(
        found.deployments[index : index + 1],
        found.step.pick(np.arange(len(found.deployments)) == index),
        np.array([batch]),
        demand.shape.context_tokens,
        np.array([batch * inputs / outputs]),
        inputs / 2.0,
    )
    return float(spread.rate_sd_log[0])


def check_stated_rate(replica: ModelledReplica, traffic: Traffic, *, output_tokens_per_s: float) -> None:
    """Refuse a rate that someone states for this layout where the roofline forbids it; the batch may be any.

    Raises: InputError with the bound.
    """
    context = traffic.mean_input_tokens + traffic.mean_output_tokens / 2.0
    check_figure(replica.deployment, UserFigure(output_tokens_per_s=output_tokens_per_s, context_tokens=context))
