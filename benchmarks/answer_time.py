"""Wall time and memory of whole commands, each in a new process, beside a bare interpreter in the same run.

Run: python benchmarks/answer_time.py     (rewrites benchmarks/results/answer_time.csv)

The trace is a real one where the reference data lies beside the checkout, else the preset of the same shape.
"""

import csv
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "answer_time.csv"
TRACE = ROOT.parent / "shared" / "data" / "traces" / "trace_azure2023_conv.parquet"
NUM_ROUNDS = 7
SLO = ("--slo", "ttft_p95=1s,itl_p95=50ms", "--json")
LOAD = ("--trace", str(TRACE)) if TRACE.exists() else ("--preset", "chat", "--rps", "5.5")

COMMANDS = {
    "interpreter": ([sys.executable, "-c", "pass"], None),
    "tok --help": ([str(Path(sys.executable).with_name("tok")), "--help"], None),
    "quote, one model on one GPU": (
        ["quote", "llama-3.3-70b", "--gpu", "h100-sxm", "--preset", "chat", "--rps", "3"],
        1.0,
    ),
    "quote, real trace, whole catalogue": (["quote", "llama-3.3-70b", *LOAD, *SLO], 2.0),
}


def wall_s(command: list[str]) -> float:
    """Seconds that `command` takes as a process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Time all commands in turn, round by round, so that a slow spell of the machine hits them alike."""
    tok = str(Path(sys.executable).with_name("tok"))
    lines = {
        name: command if command[0].startswith("/") else [tok, *command] for name, (command, _) in COMMANDS.items()
    }
    times: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(NUM_ROUNDS):
        for name, command in lines.items():
            times[name].append(wall_s(command))
    base = statistics.median(times["interpreter"])
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["command", "median_s", "min_s", "max_s", "times_interpreter", "bar_s"])
        for name, values in times.items():
            median, bar = statistics.median(values), COMMANDS[name][1]
            row = [
                name,
                *(f"{value:.3f}" for value in (median, min(values), max(values))),
                f"{median / base:.1f}",
                bar or "",
            ]
            writer.writerow(row)
            print(f"{name:36} {median:7.3f} s   {median / base:6.1f} x interpreter   bar {bar or '-'}")


if __name__ == "__main__":
    main()
