"""Tokonomics: what a million LLM tokens really cost at your own load.

The library and the command are the same functions; names load on first use, so that importing costs nothing.

    import tokonomics as tk
    answer = tk.quote("llama-3.3-70b", {"preset": "chat", "requests_per_s": 3}, slo="ttft_p95=1s,itl_p95=50ms")
    answer.best.usd_per_month
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokonomics.catalog.load import load_catalog
    from tokonomics.economics.quoting.explain import explain
    from tokonomics.measure.ask import quote_for as quote
    from tokonomics.physics.deployment import deployment
    from tokonomics.physics.fit import fit
    from tokonomics.workload.scenario_file import load_scenario
    from tokonomics.workload.slo import parse_slo
    from tokonomics.workload.traffic import Traffic, traffic_from_rate

__version__ = "0.1.0"

_HOMES = {
    "Traffic": "workload.traffic:Traffic",
    "deployment": "physics.deployment:deployment",
    "explain": "economics.quoting.explain:explain",
    "fit": "physics.fit:fit",
    "load_catalog": "catalog.load:load_catalog",
    "load_scenario": "workload.scenario_file:load_scenario",
    "parse_slo": "workload.slo:parse_slo",
    "quote": "measure.ask:quote_for",
    "traffic_from_rate": "workload.traffic:traffic_from_rate",
}

__all__ = [
    "Traffic",
    "__version__",
    "deployment",
    "explain",
    "fit",
    "load_catalog",
    "load_scenario",
    "parse_slo",
    "quote",
    "traffic_from_rate",
]


def __getattr__(name: str) -> Any:
    """Import the public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"tokonomics has no {name!r}; public names: {', '.join(__all__)}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(import_module(f"tokonomics.{module}"), attribute)
    globals()[name] = value
    return value
