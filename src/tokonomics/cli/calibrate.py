"""`tok calibrate`: turn the measurement of a device into constants of that accelerator."""

from pathlib import Path

import click

from tokonomics.cli.output import OutputOptions, emit, output_options, remark


@click.command()
@click.option(
    "--device",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What benchmarks/device/measure.py wrote, JSON. Needed.",
)
@click.option("--accelerator", metavar="NAME", help="Which accelerator it is  [told by the device's name].")
@output_options
def calibrate(output: OutputOptions, file: Path, accelerator: str | None) -> None:
    """Turn the measurement of a device into efficiencies, as shares of what the catalogue says of that accelerator.

    With -o FILE.json the constants are written there, each with its spread and the number of its points.
    """
    from tokonomics.catalog.load import load_catalog  # the catalogue and NumPy load only when asked
    from tokonomics.measure.device.efficiencies import device_efficiencies
    from tokonomics.measure.device.efficiencies_file import KIND, efficiencies_dict
    from tokonomics.measure.device.match import match_accelerator
    from tokonomics.measure.device.read import read_measurement
    from tokonomics.report.calibrate_view import calibrate_view
    from tokonomics.report.json import document
    from tokonomics.units import GB

    measurement, catalog = read_measurement(file), load_catalog()
    part = catalog.accelerator(accelerator) if accelerator else match_accelerator(measurement, catalog)
    found = device_efficiencies(measurement, part)
    bandwidth = (part.memory_bandwidth_bytes_per_s or 0.0) / GB
    view = calibrate_view(found, measurement, bandwidth_gb_per_s=bandwidth)
    emit(document(KIND, efficiencies_dict(found)), view, output)
    if output.path is not None or output.fmt != "table":
        for doubt in found.doubts:
            remark(doubt, output)
