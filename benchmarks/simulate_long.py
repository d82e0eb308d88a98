"""Fourteen days of ServeGen m-large at its full rate, end to end: made, served by a fleet and judged, by two processes.

Run: python benchmarks/simulate_long.py CLIENTS.parquet [RPS]     (servegen_language_m_large_clients_10min.parquet, its
sibling beside it; a rate scales it down; rewrites benchmarks/results/simulate_long.csv)

Processor time is that of all processes together: on a machine with nothing else to do, wall time is about half of it.
"""

import csv
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "simulate_long.csv"
BAR_S, BAR_GIB = 60.0, 4.0
NUM_JOBS = 2
FLEET = ("--model", "llama-3.1-8b", "--gpu", "h200-sxm", "--num-gpus", "1", "--replicas", "24")
LOOK_S = 0.25


def resident_gib(pid):
    """Memory of a process and its children; shared pages are shared out (PSS)."""
    pids = [pid]
    for one in pids:
        children = Path(f"/proc/{one}/task/{one}/children")
        pids += [int(child) for child in children.read_text().split()] if children.exists() else []
    total = 0
    for one in pids:
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 2**20


def run(arguments):
    """The answer of a run, its wall time, its processor time, and the most memory that it took."""
    most = [0.0]
    before, begin_s = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "tokonomics", "simulate", *arguments, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def look():
        while process.poll() is None:
            most[0] = max(most[0], resident_gib(process.pid))
            time.sleep(LOOK_S)

    watcher = threading.Thread(target=look)
    watcher.start()
    text = process.communicate()[0]
    watcher.join()
    wall_s, after = time.perf_counter() - begin_s, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        sys.exit(process.returncode)
    return json.loads(text), wall_s, cpu_s, most[0]


def main():
    """Compile on a short replay, then measure, print and record; fails above a bar."""
    trace = ("--trace", sys.argv[1])
    rate = ("--rps", sys.argv[2]) if len(sys.argv) > 2 else ()
    run([*trace, *FLEET, "--span-s", "1200", "--shard-hours", "0.1"])
    answer, wall_s, cpu_s, gib = run([*trace, *rate, *FLEET, "--shard-hours", "24", "--jobs", str(NUM_JOBS)])
    num, load = answer["num_requests"], os.getloadavg()[0]
    row = {
        "what": f"14 days of m-large, {'full rate' if not rate else sys.argv[2] + ' requests/s'}, {NUM_JOBS} processes",
        "num_requests": num,
        "wall_s": round(wall_s, 1),
        "bar_s": BAR_S,
        "cpu_s": round(cpu_s, 1),
        "memory_gib": round(gib, 2),
        "bar_gib": BAR_GIB,
        "ns_cpu_per_request": round(cpu_s / num * 1e9),
        "load_average": round(load, 1),
    }
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    print("; ".join(f"{name}={value}" for name, value in row.items()))
    print(
        {
            name: answer[name]
            for name in ("ttft_s", "e2e_s", "utilisation_frac", "stepping_frac", "num_shards", "worst_seam_frac")
        }
    )
    sys.exit(0 if wall_s < BAR_S and gib < BAR_GIB else 1)


if __name__ == "__main__":
    main()
