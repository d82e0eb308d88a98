"""Operating points a second that the closed-form step, its interval and the steady batch answer, on one core.

Run: python benchmarks/physics_speed.py     (rewrites benchmarks/results/physics_speed.csv)

Points of one deployment are drawn at random. The sweep is 1,000 distinct deployments (models x parts x layouts x
formats) x 64 batches; its intervals are timed with the spread models ready, with making them ("made"), and with making
the deployments and their step models too ("all made"). `ratio_to_step_time` is against the same without intervals.
"""

import csv
import os
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the thread limit

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.quoting.candidates import Search, deployments_of
from tokonomics.errors import MissingFact
from tokonomics.physics.deployment import deployment
from tokonomics.physics.steady import RequestShape, steady_batch
from tokonomics.physics.step import stack_step_models, step_model, step_time
from tokonomics.physics.uncertainty import spread_at, spread_model

RESULTS = Path(__file__).parent / "results" / "physics_speed.csv"
NUM_POINTS = 20_000  # fits the cache; larger arrays only measure memory
NUM_ROUNDS = 50
NUM_DEPLOYMENTS, NUM_BATCHES = 1000, 64
NUM_SWEEPS = 10
STEP_BAR, INTERVAL_BAR = 1_000_000, 200_000
Row = tuple[str, str, float, int | None, float | None]


def points_per_s(call: Callable[[], object], *, num_points: int = NUM_POINTS, num_rounds: int = NUM_ROUNDS) -> float:
    """Best of five timings of `call`, as points a second of one core: processor time, for the machine may be shared."""
    call()
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(num_rounds // 5):
            call()
        times.append(time.process_time() - start)
    return num_points * (num_rounds // 5) / min(times)


def one_deployment() -> list[Row]:
    """Rates of many points of one deployment, a dense model and a mixture of experts."""
    catalog, rng = load_catalog(), np.random.default_rng(1)
    batch, context = rng.integers(1, 512, NUM_POINTS).astype(float), rng.uniform(100, 32_000, NUM_POINTS)
    shape = RequestShape(input_tokens=1155.0, output_tokens=211.0, context_tokens=1400.0)
    rows: list[Row] = []
    for name, gpus in (("llama-3.3-70b", 4), ("deepseek-v3", 8)):
        dep = deployment(catalog.model(name), catalog.accelerator("h200-sxm"), tensor_parallel=gpus)
        step, spread = step_model(dep), spread_model([dep])
        point = (batch, context, 64.0, 512.0)
        bare = points_per_s(lambda step=step, point=point: step_time(step, *point).total_s)
        steady = points_per_s(lambda step=step: steady_batch(step, batch, shape))
        sure = points_per_s(lambda step=step, spread=spread, point=point: spread_at(spread, step, *point))
        rows += [
            (name, "step_time", bare, STEP_BAR, None),
            (name, "steady_batch", steady, STEP_BAR, None),
            (name, "step_time with interval", sure, INTERVAL_BAR, sure / bare),
        ]
    return rows


def sweep() -> list[Row]:
    """Rates of a sweep of distinct deployments over batches, intervals off and on."""
    recipes = list(islice(_recipes(), NUM_DEPLOYMENTS))
    deployments = [make() for make in recipes]
    step = stack_step_models([step_model(dep) for dep in deployments]).column()
    spread = spread_model(deployments).column()
    batch = np.geomspace(1.0, 256.0, NUM_BATCHES)
    point = (batch, 1400.0, batch * 5.5, 577.0)

    def all_of_it() -> object:
        made = [make() for make in recipes]
        steps = stack_step_models([step_model(dep) for dep in made]).column()
        return spread_at(spread_model(made).column(), steps, *point)

    def off() -> object:
        made = [make() for make in recipes]
        return step_time(stack_step_models([step_model(dep) for dep in made]).column(), *point).total_s

    calls: tuple[tuple[str, Callable[[], object], int | None, str], ...] = (
        ("step_time", lambda: step_time(step, *point).total_s, STEP_BAR, ""),
        ("with interval", lambda: spread_at(spread, step, *point), INTERVAL_BAR, "step_time"),
        (
            "with interval, made",
            lambda: spread_at(spread_model(deployments).column(), step, *point),
            INTERVAL_BAR,
            "step_time",
        ),
        ("step_time, all made", off, None, ""),
        ("with interval, all made", all_of_it, None, "step_time, all made"),
    )
    rates: dict[str, float] = {}
    for name, call, _, _ in calls:
        rates[name] = points_per_s(call, num_points=NUM_DEPLOYMENTS * NUM_BATCHES, num_rounds=NUM_SWEEPS)
    title = f"{NUM_DEPLOYMENTS} deployments x {NUM_BATCHES} batches"
    return [
        (title, name, rates[name], bar, rates[name] / rates[base] if base else None) for name, _, bar, base in calls
    ]


def _recipes():
    """Functions that make distinct deployments with known rates, in the order of the catalogue."""
    catalog = load_catalog()
    for model in catalog.models.values():
        for part in catalog.accelerators.values():
            for dep in deployments_of(model, part, Search()):
                try:
                    step_model(dep)
                except MissingFact:
                    continue
                yield lambda model=model, part=part, dep=dep: deployment(
                    model, part, precision=dep.precision.id, tensor_parallel=dep.tensor_parallel
                )


def main() -> None:
    """Measure, print and record the rates; exit 1 where one is below its bar."""
    rows = [*one_deployment(), *sweep()]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "function", "points_per_s", "bar_points_per_s", "ratio_to_step_time"])
        writer.writerows(
            (name, function, round(rate), bar or "", f"{ratio:.2f}" if ratio else "")
            for name, function, rate, bar, ratio in rows
        )
    for name, function, rate, bar, ratio in rows:
        limit = f"bar {bar:,}" if bar else ""
        print(f"{name:30} {function:24} {rate:14,.0f} points/s   {limit:14} {f'x {ratio:.2f}' if ratio else ''}")
    sys.exit(0 if all(rate >= bar for _, _, rate, bar, _ in rows if bar) else 1)


if __name__ == "__main__":
    main()
