"""Operating points a second that the closed-form step and the steady batch answer, on one core.

Run: python benchmarks/physics_speed.py     (rewrites benchmarks/results/physics_speed.csv)
"""

import csv
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the thread limit

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.deployment import deployment
from tokonomics.physics.steady import RequestShape, steady_batch
from tokonomics.physics.step import step_model, step_time

RESULTS = Path(__file__).parent / "results" / "physics_speed.csv"
NUM_POINTS = 20_000  # fits the cache; larger arrays only measure memory
NUM_ROUNDS = 50
BAR_POINTS_PER_S = 1_000_000


def points_per_s(call) -> float:
    """Best of five timings of `call`, as points a second."""
    call()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(NUM_ROUNDS // 5):
            call()
        times.append(time.perf_counter() - start)
    return NUM_POINTS * (NUM_ROUNDS // 5) / min(times)


def main() -> None:
    """Measure a dense model and a mixture of experts, print and record the rates."""
    catalog, rng = load_catalog(), np.random.default_rng(1)
    batch, context = rng.integers(1, 512, NUM_POINTS).astype(float), rng.uniform(100, 32_000, NUM_POINTS)
    shape = RequestShape(input_tokens=1155.0, output_tokens=211.0, context_tokens=1400.0)
    rows = []
    for name, gpus in (("llama-3.3-70b", 4), ("deepseek-v3", 8)):
        step = step_model(deployment(catalog.model(name), catalog.accelerator("h200-sxm"), tensor_parallel=gpus))
        rows.append(
            (name, "step_time", points_per_s(lambda step=step: step_time(step, batch, context, 64.0, 512.0).total_s))
        )
        rows.append((name, "steady_batch", points_per_s(lambda step=step: steady_batch(step, batch, shape))))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "function", "points_per_s", "bar_points_per_s"])
        writer.writerows((model, function, round(rate), BAR_POINTS_PER_S) for model, function, rate in rows)
    for model, function, rate in rows:
        print(f"{model:16} {function:14} {rate:14,.0f} points/s   bar {BAR_POINTS_PER_S:,}")
    sys.exit(0 if all(rate >= BAR_POINTS_PER_S for _, _, rate in rows) else 1)


if __name__ == "__main__":
    main()
