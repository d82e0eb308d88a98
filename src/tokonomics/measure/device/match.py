"""Which accelerator of the catalogue a device is, by the name that its driver reports."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.errors import InputError, nearest_names
from tokonomics.measure.device.record import DeviceMeasurement
from tokonomics.measure.names import find_accelerator

# Drivers count memory in binary units and keep some back; a fifth covers that and splits 80 from 96 GB.
_MEMORY_SLACK_FRAC = 0.2


@cache
def driver_rows() -> Mapping[str, Mapping[str, str]]:
    """Rows of `data/driver_names.csv` by the driver's name in lower case."""
    text = files("tokonomics.measure.device").joinpath("data", "driver_names.csv").read_text("utf-8")
    return {row["name"].lower(): row for row in csv.DictReader(text.splitlines())}


def match_accelerator(measurement: DeviceMeasurement, catalog: Catalog) -> Accelerator:
    """The accelerator that was measured; InputError, with advice, when its name is in no table."""
    name = measurement.device_name.strip()
    row = driver_rows().get(name.lower())
    found = find_accelerator(row["accelerator_id"] if row else name, catalog)
    if found is None:
        near = ", ".join(nearest_names(name.removeprefix("NVIDIA "), tuple(catalog.accelerators)))
        raise InputError(f"device {name!r} is no accelerator of the catalogue; name it with --accelerator, like {near}")
    return found


def doubts_of_match(measurement: DeviceMeasurement, accelerator: Accelerator) -> tuple[str, ...]:
    """Sentences on why the device may not be that accelerator after all."""
    doubts = []
    row = driver_rows().get(measurement.device_name.strip().lower())
    if row and row["note"] and row["accelerator_id"] == accelerator.id:
        doubts.append(f"{measurement.device_name} is read as {accelerator.id}: {row['note']}")
    told, known = measurement.memory_bytes, accelerator.memory_bytes
    if told and known and abs(told - known) > _MEMORY_SLACK_FRAC * known:
        doubts.append(
            f"the device reports {told / 1e9:.1f} GB and {accelerator.id} has {known / 1e9:.1f} GB in the catalogue;"
            " name the right part with --accelerator"
        )
    return tuple(doubts)
