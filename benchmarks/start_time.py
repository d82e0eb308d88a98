"""How long `tok` takes to start, as a multiple of starting Python; writes results/start_time.csv.

    python benchmarks/start_time.py [RUNS]

The commands take turns, so that a busy moment of the machine strikes all of them alike. The ratio is of medians.
Compiled modules are kept, as on a user's machine, whatever the environment says.
"""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

LIMIT_RATIO = 3.0  # what `tok --help` may take, in units of `python -c pass`
RUNS = 40
TOK = str(Path(sys.executable).with_name("tok"))
QUOTE = ["quote", "llama-3.3-70b", "--gpu", "h100-sxm", "--preset", "chat", "--rps", "3", "--slo", "ttft_p95=1s"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "tok": [TOK],
    "tok --help": [TOK, "--help"],
    "tok --version": [TOK, "--version"],
    "tok completion bash": [TOK, "completion", "bash"],
    "tok quote --help": [TOK, "quote", "--help"],
    f"tok {' '.join(QUOTE)}": [TOK, *QUOTE],
}


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with TemporaryDirectory() as compiled:
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        for number in range(runs + 1):
            for name, command in COMMANDS.items():
                started = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
                if number:  # the first round compiles
                    times[name].append(time.perf_counter() - started)
    base_s = median(times["python -c pass"])
    rows = [
        (name, runs, 1e3 * median(all_s), 1e3 * min(all_s), median(all_s) / base_s) for name, all_s in times.items()
    ]
    path = Path(__file__).parent / "results" / "start_time.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["command", "num_runs", "median_ms", "least_ms", "ratio_to_python"])
        writer.writerows((name, n, f"{mid:.1f}", f"{least:.1f}", f"{ratio:.2f}") for name, n, mid, least, ratio in rows)
    for name, _, mid, least, ratio in rows:
        print(f"{mid:8.1f} ms median {least:8.1f} ms least {ratio:6.2f} x python   {name}")
    return (
        0
        if all(ratio <= LIMIT_RATIO for name, *_, ratio in rows if name in ("tok", "tok --help", "tok --version"))
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
