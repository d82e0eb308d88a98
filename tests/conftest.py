"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A check of a change must not depend on luck: CI draws the same examples every time, a developer new ones.
# No example has a deadline: a busy machine is slow, and speed is the benchmarks' business.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo_dir() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference data that lies beside a developer's checkout; a user's machine has none."""
    path = REPO.parent / "shared"
    if not (path / "data").is_dir():
        pytest.skip("needs the reference data in ../shared, which this machine does not have")
    return path


@pytest.fixture(autouse=True, scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep a developer's own snapshots, and their TOKONOMICS_ settings, out of every test."""
    for name in [name for name in os.environ if name.startswith("TOKONOMICS_")]:
        del os.environ[name]
    os.environ["TOKONOMICS_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def scenario_in_parts(shared_dir):
    """Two hours of a real table of clients, to be replayed in four parts."""
    table = shared_dir / "data" / "traces" / "servegen_language_m_small_clients_10min.parquet"
    return {
        "models": ["llama-3.1-8b"],
        "gpus": ["h200-sxm"],
        "num_gpus": [1],
        "traffic": {"trace": str(table), "requests_per_s": 0.5},
        "simulation": {"span_s": 7200.0, "shard_hours": 0.5, "gpu_usd_per_hour": 2.0},
    }
