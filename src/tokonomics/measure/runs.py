"""How a measured run was made, where the row does not say: its number of requests, their lengths, its statistic."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokonomics.measure.corpus import Measurement
from tokonomics.measure.names import name_rows
from tokonomics.measure.note import Note


@dataclass(frozen=True, kw_only=True, slots=True)
class RunShape:
    """One run of a load test on the whole system.

    Lengths are even between `shortest_ratio` and `longest_ratio` of those stated. `is_mean` says that times are means
    over requests, not medians.
    """

    num_requests: int
    shortest_ratio: float
    longest_ratio: float
    is_mean: bool

    @property
    def mean_ratio(self) -> float:
        """Mean length over the stated one."""
        return (self.shortest_ratio + self.longest_ratio) / 2.0


def run_shape(row: Measurement, note: Note) -> RunShape:
    """The run of `row`: as the note says, else as known of the source, else the usual one of its mode."""
    known = next(one for one in name_rows("runs") if _is_of(one, row))
    usual = int(known["num_requests"] or int(known["requests_per_user"]) * (row.num_in_flight or 1))
    return RunShape(
        num_requests=note.num_requests or usual,
        shortest_ratio=float(known["shortest_ratio"]),
        longest_ratio=float(known["longest_ratio"]),
        is_mean=known["statistic"] == "mean" if known["statistic"] else row.has_means,
    )


def _is_of(known: Mapping[str, str], row: Measurement) -> bool:
    stated = {"source_id": row.source_id, "mode": row.mode, "dataset": row.dataset}
    return all(known[name] in ("*", value) for name, value in stated.items())
