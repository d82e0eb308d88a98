"""How long `tok plan` takes and how much memory: the Azure conversation trace at three rates, three models, all offers.

Each plan is a process of its own, with compiled code at hand from a first run of each that is not counted. Processor
seconds stand beside those of the clock, so that runs on a shared machine can be compared.

Run: python -m benchmarks.plan_memory [--trace FILE] [--label WORDS]   (adds rows to results/plan_memory.csv)
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "plan_memory.csv"
TRACE = Path(__file__).parents[2] / "shared/data/traces/trace_azure2023_conv.parquet"
MODELS = ("llama-3.1-8b", "llama-3.3-70b", "deepseek-v3")
RATES = (1, 10, 100)


def planned(trace, rate):
    """One plan in a process of its own: its document, and what the process took."""
    models = [word for name in MODELS for word in ("--model", name)]
    asked = ["plan", "--trace", str(trace), "--rps", str(rate), *models, "--slo", "ttft_p95=2s,itl_p95=100ms", "--json"]
    begin_s = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "tokonomics", *asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"tok plan failed with status {status}")
    return json.loads(text), used, time.perf_counter() - begin_s


def row(label, trace, rate):
    """The figures of one plan."""
    found, used, wall_s = planned(trace, rate)
    return {
        "label": label,
        "requests_per_s": rate,
        "num_candidates": found["num_candidates"],
        "gap_frac": f"{found['gap_frac']:.4f}",
        "recommended": found["recommended"],
        "planning_wall_s": f"{found['wall_s']:.2f}",
        "process_wall_s": f"{wall_s:.2f}",
        "cpu_s": f"{used.ru_utime + used.ru_stime:.2f}",
        "peak_mib": round(used.ru_maxrss / 1024),
    }


def main():
    """Plan at each rate, print and keep each row as it comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trace", type=Path, default=TRACE)
    parser.add_argument("--label", default="now")
    flags = parser.parse_args()
    for rate in RATES:
        planned(flags.trace, rate)  # each rate may replay what no other does
        one = row(flags.label, flags.trace, rate)
        is_new = not RESULTS.exists()
        with RESULTS.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, one)
            if is_new:
                writer.writeheader()
            writer.writerow(one)
        print(one, flush=True)


if __name__ == "__main__":
    main()
