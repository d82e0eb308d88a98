"""The constants of a device in a file: written by `tok calibrate -o`, read wherever they are evidence."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokonomics.measure.device.bounded_json import Cells, cells_of, raise_problems
from tokonomics.measure.device.estimate import DeviceEfficiencies, Estimate, Missing

KIND = "device-efficiencies"
SCHEMA = f"tokonomics/{KIND}/1"
_MOST_ROWS = 1000


def efficiencies_dict(found: DeviceEfficiencies) -> dict[str, Any]:
    """The body of the document, to be put into the envelope of kind `device-efficiencies`."""
    return {
        "accelerator_id": found.accelerator_id,
        "device_name": found.device_name,
        "measured_on": found.measured_on.isoformat(),
        "torch_version": found.torch_version,
        "estimates": [asdict(one) for one in found.estimates],
        "missing": [asdict(one) for one in found.missing],
        "doubts": list(found.doubts),
    }


def read_efficiencies(path: Path) -> DeviceEfficiencies:
    """The constants in a file that `tok calibrate -o` wrote; InputError lists all that is wrong with it."""
    cells = cells_of(path)
    if cells.values.get("schema") != SCHEMA:
        cells.problems.append(
            f"{path.name} is not of schema {SCHEMA!r}; write it with `tok calibrate --device FILE -o`"
        )
        raise_problems(cells.problems)
    found = _efficiencies(cells)
    raise_problems(cells.problems)
    return found


def _efficiencies(cells: Cells) -> DeviceEfficiencies:
    return DeviceEfficiencies(
        accelerator_id=cells.text("accelerator_id"),
        device_name=cells.text("device_name"),
        measured_on=cells.day("measured_on"),
        torch_version=cells.text("torch_version"),
        estimates=tuple(map(_estimate, cells.rows("estimates", most=_MOST_ROWS))),
        missing=tuple(map(_missing, cells.rows("missing", most=_MOST_ROWS))),
        doubts=cells.texts("doubts", most=_MOST_ROWS),
    )


def _estimate(cells: Cells) -> Estimate:
    return Estimate(
        name=cells.text("name"),
        dtype=cells.text("dtype", required=False),
        value=cells.amount("value"),
        log_sd_ratio=cells.amount("log_sd_ratio"),
        num_points=cells.count("num_points"),
    )


def _missing(cells: Cells) -> Missing:
    return Missing(name=cells.text("name"), dtype=cells.text("dtype", required=False), reason=cells.text("reason"))
