"""The constants of a device as people read them: each with its spread and points, then what is missing and doubtful."""

from tokonomics.measure.device.estimate import DeviceEfficiencies, Estimate
from tokonomics.measure.device.record import DeviceMeasurement
from tokonomics.report.view import Cell, Column, Table, View

EVIDENCE = "PyTorch's kernels were measured; an engine has others, so this is evidence and not the truth"
_COLUMNS = (
    Column(title="constant"),
    Column(title="dtype"),
    Column(title="value", style="number"),
    Column(title="times or over", key="spread_factor", style="number", priority=1),
    Column(title="points", key="num_points", style="count", priority=2),
)
_GAPS = (Column(title="not told"), Column(title="dtype"), Column(title="reason"))
_NOT_MEASURED = (Column(title="not measured"), Column(title="reason"))


def calibrate_view(found: DeviceEfficiencies, measurement: DeviceMeasurement, *, bandwidth_gb_per_s: float) -> View:
    """Lay out the constants of one device; the values are shares of the catalogue's peaks, tokens or seconds."""
    tables = (
        Table(columns=_COLUMNS, rows=[_cells(one) for one in found.estimates]),
        Table(columns=_GAPS, rows=[(one.name, one.dtype, one.reason) for one in found.missing]),
        Table(columns=_NOT_MEASURED, rows=[(one.what, one.reason) for one in measurement.not_measured]),
    )
    spread = "times or over: the spread of the points, as one standard deviation of a factor"
    notes = [measurement.note, *found.doubts, spread, EVIDENCE]
    return View(
        headline=(_headline(found, bandwidth_gb_per_s),),
        tables=[table for table in tables if table.rows],
        notes=[note for note in notes if note],
    )


def _headline(found: DeviceEfficiencies, bandwidth_gb_per_s: float) -> str:
    return (
        f"{found.device_name}, measured {found.measured_on} with PyTorch {found.torch_version}, as shares of"
        f" {found.accelerator_id} ({bandwidth_gb_per_s:,.0f} GB/s)"
    )


def _cells(one: Estimate) -> tuple[Cell, ...]:
    return one.name, one.dtype, one.value, one.spread_factor, one.num_points
