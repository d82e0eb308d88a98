"""A mix of GPU types against the best single type, in the spirit of Mélange: request sizes x GPU types.

Each size (input, output tokens) is a class; what a replica of each type carries of it within the SLO comes from the
physics; on-demand prices from the catalogue; the mix from the planner. The histograms are assumptions of this file.

Run: python -m benchmarks.melange     (rewrites results/melange.csv and the tables of docs/model-cards/mix.md)
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.offer_choice import cheapest_offer, listed_offers
from tokonomics.economics.quoting.demand import demand_of
from tokonomics.economics.quoting.fleet_size import size_fleets
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import stack_step_models, step_model
from tokonomics.planning.fleet_problem import FleetChoice, FleetProblem, Way
from tokonomics.planning.solve import solve_fleet
from tokonomics.units import HOURS_PER_MONTH
from tokonomics.workload.slo import parse_slo
from tokonomics.workload.traffic import traffic_from_rate

REPO = Path(__file__).parents[1]
RESULTS = REPO / "benchmarks" / "results" / "melange.csv"
PAGE = REPO / "docs" / "model-cards" / "mix.md"
BEGIN, END = "<!-- figures: python -m benchmarks.melange -->", "<!-- end of figures -->"
MODEL, PRECISION = "llama-3.1-8b", "bf16"
GPUS = ("l4", "a10", "a100-sxm-80", "h100-sxm")
ALSO = "l40s"
SIZES = ((64, 64), (256, 128), (256, 512), (1024, 128), (1024, 512), (4096, 256), (12000, 256))
LOADS = {
    "chat": (0.30, 0.30, 0.25, 0.10, 0.05, 0.00, 0.00),
    "documents": (0.00, 0.05, 0.00, 0.15, 0.20, 0.35, 0.25),
    "mixed": (0.24, 0.25, 0.20, 0.11, 0.08, 0.07, 0.05),
}
SLOS = ("itl_mean<=40ms", "itl_mean<=120ms")
RATES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
COLUMNS = (
    "slo",
    "load",
    "requests_per_s",
    "mix",
    "mix_usd_per_hour",
    "best_single",
    "single_usd_per_hour",
    "saving_frac",
    "gap_frac",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rate of one load: the mix, the best single type and what the mix saves."""

    slo: str
    load: str
    requests_per_s: float
    mix: str
    mix_usd_per_hour: float
    best_single: str
    single_usd_per_hour: float
    gap_frac: float

    @property
    def saving_frac(self) -> float:
        """Share of the best single type's cost."""
        return max(0.0, round(1.0 - self.mix_usd_per_hour / self.single_usd_per_hour, 9))


def choices(slo_text, gpus=GPUS):
    """A choice for each GPU type, at the cheapest listed price on demand."""
    catalog = load_catalog()
    model = catalog.model(MODEL)
    found = []
    for name in gpus:
        part = catalog.accelerator(name)
        offer = cheapest_offer(listed_offers(catalog.offers_of(part.id)))
        dep = deployment(model, part, precision=PRECISION, engine="vllm", tensor_parallel=1)
        rates = np.array([class_rate(dep, size, slo_text) for size in SIZES])
        found.append(
            FleetChoice(
                name=name, tier=MODEL, requests_per_s=rates, on_demand_usd_per_hour=offer.usd_per_gpu_hour("on_demand")
            )
        )
    return tuple(found)


def class_rate(dep, size, slo_text):
    """Requests/s of one size alone that one replica carries within the SLO; 0 where it cannot."""
    demand = demand_of(traffic_from_rate(1.0, *size), parse_slo(slo_text))
    box = memory_box(dep)
    if box.max_batch(sum(size)) < 1:
        return 0.0
    most = np.array([box.max_batch(demand.shape.context_tokens)], dtype=float)
    sized = size_fleets(stack_step_models([step_model(dep)]), most, demand)
    return float(sized.capacity_requests_per_s[0]) if sized.can_meet[0] else 0.0


def problem(types, load, rate):
    """One bucket, all month; every request is served."""
    return FleetProblem(
        hours=np.array([HOURS_PER_MONTH]),
        demand_requests_per_s=rate * np.array([LOADS[load]]),
        choices=tuple(types),
        apis=(),
        ways=(Way(name=MODEL, calls=((MODEL, 1.0),)),),
        max_gap_frac=0.0,
    )


def single_usd_per_hour(one, load, rate):
    """Whole replicas of one type for the whole load; inf where it cannot carry a class of it."""
    demand = rate * np.array(LOADS[load])
    if (demand[one.requests_per_s == 0] > 0).any():
        return np.inf
    asked = demand > 0
    return np.ceil((demand[asked] / one.requests_per_s[asked]).sum() - 1e-9) * one.on_demand_usd_per_hour


def row(slo, types, load, rate):
    """Mix and best single type at one rate."""
    found = solve_fleet(problem(types, load, rate))
    single = min(types, key=lambda one: single_usd_per_hour(one, load, rate))
    parts = [f"{int(num)} {one.name}" for one, num in zip(types, found.num_on_demand[:, 0]) if num]
    return Row(
        slo=slo,
        load=load,
        requests_per_s=rate,
        mix=" + ".join(parts),
        mix_usd_per_hour=found.usd_per_month / HOURS_PER_MONTH,
        best_single=single.name,
        single_usd_per_hour=float(single_usd_per_hour(single, load, rate)),
        gap_frac=found.gap_frac,
    )


def rate_table(slo, types):
    """Requests/s a dollar-hour: what each type is good for."""
    lines = [
        f"`{slo}`: requests a USD",
        "",
        "| input, output tokens | "
        + " | ".join(f"{one.name} ({one.on_demand_usd_per_hour:.2f} USD/h)" for one in types)
        + " |",
    ]
    lines.append("|---|" + "---:|" * len(types))
    for place, size in enumerate(SIZES):
        cells = [one.requests_per_s[place] * 3600 / one.on_demand_usd_per_hour for one in types]
        lines.append(
            f"| {size[0]:,}, {size[1]:,} | " + " | ".join(f"{cell:,.0f}" if cell else "cannot" for cell in cells) + " |"
        )
    return lines


def summary(rows, what):
    """One sentence on all the cases of a set of types, those without a saving counted."""
    best = max(rows, key=lambda one: one.saving_frac)
    num, mean = sum(one.saving_frac > 0.005 for one in rows), sum(one.saving_frac for one in rows) / len(rows)
    where = f"`{best.slo}`, load {best.load}, {best.requests_per_s:g} requests/s: {best.mix}"
    cases = f"the mix saves in {num} of {len(rows)} cases, {mean:.0%} on average"
    return f"{what}: {cases}, at most {best.saving_frac:.0%} ({where})."


def saving_table(rows):
    """A line a rate and load."""
    lines = [
        "| SLO | load | requests/s | mix | USD/h | best single type | USD/h | the mix saves |",
        "|---|---|---:|---|---:|---|---:|---:|",
    ]
    lines += [
        f"| `{one.slo}` | {one.load} | {one.requests_per_s:g} | {one.mix} | {one.mix_usd_per_hour:.2f} "
        f"| {one.best_single} | {one.single_usd_per_hour:.2f} | {one.saving_frac:.0%} |"
        for one in rows
    ]
    return lines


def write(tables):
    """Put the tables between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(tables) + "\n" + END + after, encoding="utf-8")


def main():
    """Solve every load at every rate; write the results and the page."""
    rows, tables = [], []
    for slo in SLOS:
        types = choices(slo)
        rows += [row(slo, types, load, rate) for load in LOADS for rate in RATES]
        tables += [*rate_table(slo, types), ""]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in rows:
            values = [getattr(one, name) for name in COLUMNS]
            writer.writerow([f"{value:.4f}" if isinstance(value, float) else value for value in values])
    more = [row(slo, choices(slo, (*GPUS, ALSO)), load, rate) for slo in SLOS for load in LOADS for rate in RATES]
    said = [summary(rows, ", ".join(GPUS)), "", summary(more, f"With {ALSO} besides"), ""]
    text = [*said, *tables, *saving_table(rows)]
    write(text)
    print("\n".join(text))


if __name__ == "__main__":
    main()
