"""How near the planner's fleet is to the proven bound, and how long it takes: random markets of 200 unlike choices.

Three tiers of different quality, three classes of requests, commitments, rent by the hour, spot, spares, boxes, an
endpoint a tier, and a load that rises and falls by day and week with noise, so that no two buckets are alike. Nothing
in the planner was tuned on `SEEDS`. Times are processor seconds of one process, beside those of a reference loop, so
that runs on a shared machine can be compared.

Run: python -m benchmarks.fleet_gap [--label WORDS] [--seeds 11,12] [--buckets 12,168]
(adds rows to results/fleet_gap.csv)
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from tokonomics.planning.fleet_problem import ApiChoice, FleetChoice, FleetProblem, Way
from tokonomics.planning.solve import solve_fleet
from tokonomics.units import HOURS_PER_MONTH

RESULTS = Path(__file__).parent / "results" / "fleet_gap.csv"
SEEDS = (11, 12, 13, 14)
BUCKETS = (12, 168)
NUM_CHOICES, NUM_CLASSES = 200, 3
TIERS = (("small", 0.62, 1.0), ("middle", 0.75, 3.0), ("large", 0.88, 9.0))
COLUMNS = (
    "label",
    "buckets",
    "quality",
    "seed",
    "gap_frac",
    "cost_usd_per_month",
    "bound_usd_per_month",
    "cpu_s",
    "wall_s",
    "reference_s",
)


def choice(rng, place):
    """A deployment of a random size: larger ones carry more a dollar, unevenly over the classes."""
    name, _, cost = TIERS[place % len(TIERS)]
    size = float(rng.choice([1, 1, 2, 4, 8]))
    price = size * float(rng.uniform(1.0, 4.0))
    per_cost = rng.uniform(0.5, 1.5, NUM_CLASSES) * (1.0, 0.4, 0.12) / cost
    rates = size**1.1 * float(rng.uniform(1.0, 6.0)) * per_cost
    modes = {"on_demand_usd_per_hour": price}
    if rng.random() < 0.6:
        modes["committed_usd_per_hour"] = price * float(rng.uniform(0.45, 0.75))
    if rng.random() < 0.4:
        modes["spot_usd_per_hour"] = price * float(rng.uniform(0.3, 0.6))
    return FleetChoice(
        name=f"c{place}",
        tier=name,
        requests_per_s=rates,
        replicas_per_bundle=int(rng.choice([1, 1, 1, 2, 4])),
        spot_availability_frac=float(rng.uniform(0.8, 0.99)),
        num_spare_replicas=int(rng.choice([0, 0, 0, 1])),
        **{mode: usd * 1.0 for mode, usd in modes.items()},
    )


def demand(rng, num_buckets):
    """(B, C) requests/s: a day's wave, quiet week-ends, noise; `num_buckets` hours spread evenly over a week."""
    hour = np.linspace(0, 168, num_buckets, endpoint=False)
    wave = 1.2 + np.sin(2 * np.pi * (hour - 9) / 24)
    week_end = np.where(hour >= 120, 0.5, 1.0)
    noise = rng.uniform(0.85, 1.15, (num_buckets, NUM_CLASSES))
    return float(rng.uniform(5, 30)) * (wave * week_end)[:, None] * noise * (1.0, 0.4, 0.1)


def problem(seed, num_buckets, *, with_quality):
    """A random market and month; the same for the same seed."""
    rng = np.random.default_rng(seed)
    asked = demand(rng, num_buckets)
    per_request = np.array([2e-4, 5e-4, 1.5e-3])
    return FleetProblem(
        hours=np.full(num_buckets, HOURS_PER_MONTH / num_buckets),
        demand_requests_per_s=asked,
        choices=tuple(choice(rng, place) for place in range(NUM_CHOICES)),
        apis=tuple(
            ApiChoice(name=f"api-{name}", tier=name, usd_per_request=per_request * cost * rng.uniform(0.7, 1.3))
            for name, _, cost in TIERS
        ),
        ways=tuple(Way(name=name, calls=((name, 1.0),), quality_frac=quality) for name, quality, _ in TIERS),
        min_quality_frac=0.75 if with_quality else None,
    )


def reference_s():
    """Processor seconds of a fixed piece of array work: what this machine does just now."""
    begin, work = time.process_time(), np.random.default_rng(0).random((600, 600))
    for _ in range(20):
        work = np.tanh(work @ work / 300.0)
    return time.process_time() - begin


def row(label, seed, num_buckets, with_quality):
    """Solve one instance."""
    asked = problem(seed, num_buckets, with_quality=with_quality)
    begin, wall = time.process_time(), time.perf_counter()
    found = solve_fleet(asked)
    cpu_s, wall_s = time.process_time() - begin, time.perf_counter() - wall
    values = (found.gap_frac, found.usd_per_month, found.bound_usd_per_month, cpu_s, wall_s, reference_s())
    return dict(zip(COLUMNS, (label, num_buckets, "yes" if with_quality else "no", seed, *values)))


def save(rows):
    """Append to the results."""
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        for one in rows:
            writer.writerow({key: f"{value:.4f}" if isinstance(value, float) else value for key, value in one.items()})


def main():
    """Solve all, print and keep each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--label", default="now")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--buckets", default=",".join(map(str, BUCKETS)))
    parser.add_argument("--no-save", action="store_true")
    flags = parser.parse_args()
    for num_buckets in map(int, flags.buckets.split(",")):
        for with_quality in (False, True):
            for seed in map(int, flags.seeds.split(",")):
                one = row(flags.label, seed, num_buckets, with_quality)
                if not flags.no_save:
                    save([one])  # as it comes: a long run that is cut short keeps what it has
                print(
                    f"{num_buckets:4} buckets, quality {one['quality']:3}, seed {seed}: gap {one['gap_frac']:6.2%}"
                    f"  {one['cpu_s']:6.1f} CPU-s {one['wall_s']:6.1f} s  cost {one['cost_usd_per_month']:,.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
