"""Requests a second that the simulator replays on one core, after compilation: one replica, and a fleet of 16.

Run: python benchmarks/simulation_speed.py TRACE.parquet HASHED.parquet     (Azure 2023 conversations, and Mooncake's
with the hashes of their prefix blocks; rewrites benchmarks/results/simulation_speed.csv)
"""

import csv
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the thread limit

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import step_model
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.replica import simulate_replica
from tokonomics.simulation.requests import requests_from_trace
from tokonomics.simulation.state import STATUS_NAMES
from tokonomics.workload.traces.read import read_trace

RESULTS = Path(__file__).parent / "results" / "simulation_speed.csv"
NUM_REQUESTS = 1_000_000
BARS = {"replica": 2_000_000, "fleet": 300_000, "fleet of hashed prefixes": 300_000}
REPLICAS = (("llama-3.1-8b", 1), ("llama-3.3-70b", 4), ("deepseek-v3", 8))


def replica_of(name, num_gpus):
    """The step model of a deployment on H200, and an engine with its cache."""
    catalog = load_catalog()
    dep = deployment(catalog.model(name), catalog.accelerator("h200-sxm"), tensor_parallel=num_gpus)
    box = memory_box(dep)
    tokens = box.kv_room_bytes / float(box.kv.sequence_bytes(1500.0)) * 1500.0
    return step_model(dep), EngineOptions(num_kv_blocks=int(tokens / 16))


def rate(call, num_requests):
    """Best of three timings, after one that compiles."""
    call()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return num_requests / min(times)


def fleet_speed(trace):
    """A fleet of 16 with least outstanding tokens, a prefix cache that hits 30 %, and overflow by predicted TTFT.

    At 100 times the trace's rate the fleet is busy, and sometimes overflows.
    """
    overflow = OverflowPolicy(backend="api", enter_ttft_s=0.3, leave_ttft_s=0.2)
    return speed_of(trace, 100.0, overflow, cached_input_frac=0.3)


def hashed_fleet_speed(trace):
    """The same fleet, that looks up 24 prefix blocks of 512 tokens a request, keeps them and evicts the oldest.

    Prompts are of 12,000 tokens: the fleet is busy at 8 times the trace's rate, and sometimes overflows. A repeat has
    the blocks of the first pass, of which a replica holds one in a hundred.
    """
    return speed_of(
        trace, 8.0, OverflowPolicy(backend="api", enter_ttft_s=2.0, leave_ttft_s=1.0), use_prefix_cache=True
    )


def speed_of(trace, rate_ratio, overflow, **caching):
    """Requests a second of a fleet of 16 on `trace`, repeated; says what share it overflows and finds cached."""
    model, options = replica_of(*REPLICAS[0])
    replicas = ReplicaSpec(name="h200", step_model=model, options=replace(options, **caching), num_replicas=16)
    spec = FleetSpec(replicas=(replicas,), overflow=overflow)
    requests = requests_from_trace(trace, num_repeats=-(-NUM_REQUESTS // trace.num_requests), rate_ratio=rate_ratio)
    call = lambda: simulate_fleet(requests, spec, rng=np.random.default_rng(1))  # noqa: E731
    result = call()
    overflowed = result.status == STATUS_NAMES.index("overflowed")
    cached_frac = result.cached_tokens.sum() / requests.input_tokens[~overflowed].sum()
    print(f"fleet overflows {np.mean(overflowed):.2%} of its requests, finds {cached_frac:.1%} of the others' input")
    return rate(call, requests.num_requests)


def main():
    """Measure, print and record; fails below a bar."""
    trace = read_trace(Path(sys.argv[1]))
    requests = requests_from_trace(trace, num_repeats=-(-NUM_REQUESTS // trace.num_requests))
    rows = []
    for name, num_gpus in REPLICAS:
        model, options = replica_of(name, num_gpus)
        speed = rate(
            lambda model=model, options=options: simulate_replica(requests, model, options), requests.num_requests
        )
        rows.append(("replica", f"{num_gpus}x h200 {name}", speed))
    rows.append(("fleet", "16x 1x h200 llama-3.1-8b", fleet_speed(trace)))
    hashed = read_trace(Path(sys.argv[2]))
    rows.append(("fleet of hashed prefixes", "16x 1x h200 llama-3.1-8b", hashed_fleet_speed(hashed)))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "deployment", "requests_per_s", "bar_requests_per_s"])
        writer.writerows((what, name, round(speed), BARS[what]) for what, name, speed in rows)
    for what, name, speed in rows:
        print(f"{what:24} {name:24} {speed:12,.0f} requests/s   {speed / BARS[what]:5.2f} of the bar {BARS[what]:,}")
    sys.exit(0 if all(speed >= BARS[what] for what, _, speed in rows) else 1)


if __name__ == "__main__":
    main()
