"""How long replicas live that can be called back, and how a proof makes sure that it sees one go."""

from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.units import SECONDS_PER_HOUR
from tokonomics.workload.scenario_simulation import SimulationSpec

_LEAST_HOURS = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class SpotLife:
    """Replicas that can be called back: their mean life, and how long a replacement takes until it serves."""

    mean_life_hours: float
    load_s: float


def spot_life(spec: SimulationSpec) -> SpotLife:
    """As the block `simulation` states it, else from the table of assumptions."""
    assumed = assumed_values("plan")
    return SpotLife(
        mean_life_hours=spec.spot_life_hours or assumed["spot_life_hours"], load_s=spec.load_s or assumed["load_s"]
    )


def stressed_life_hours(life_hours: float, *, num_replicas: int, span_s: float) -> float:
    """The mean life of a spot replica, but so short that a replay of `span_s` sees one called back on average.

    >>> stressed_life_hours(100.0, num_replicas=2, span_s=1800.0), stressed_life_hours(0.1, num_replicas=9, span_s=1e6)
    (1.0, 0.1)
    """
    return min(life_hours, max(num_replicas * span_s / SECONDS_PER_HOUR, _LEAST_HOURS))
