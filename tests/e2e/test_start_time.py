"""`tok`, `tok --help` and `tok --version` start within 3 times `python -c pass`."""

import subprocess
import sys
import time

import pytest

LIMIT_RATIO = 3.0
PYTHON = [sys.executable, "-c", "pass"]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def least_ratio(command: list[str], *, num_rounds: int) -> float:
    """Both take turns; the least of each is the time without the other users of the machine."""
    pairs = [(seconds(PYTHON), seconds(command)) for _ in range(num_rounds)]
    return min(mine for _, mine in pairs) / min(base for base, _ in pairs)


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"]], ids=["bare", "help", "version"])
def test_start(args):
    # The console script, less the lines that pip writes around it: `-m` would add the search of the module.
    command = [sys.executable, "-c", "from tokonomics.__main__ import main; main()", *args]
    ratios = []
    for _ in range(4):  # a machine that is busy throughout gets more rounds before it may fail
        ratios.append(least_ratio(command, num_rounds=8))
        if ratios[-1] <= LIMIT_RATIO:
            return
    pytest.fail(f"started in {min(ratios):.2f} times `python -c pass`; limit={LIMIT_RATIO}")
