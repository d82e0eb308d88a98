"""Which event loop serves a fleet: that of any fleet, or the leaner one of a fixed and plain one."""

from tokonomics.simulation.control import Control
from tokonomics.simulation.fixed_kernel import run_fixed
from tokonomics.simulation.fleet_kernel import run_fleet
from tokonomics.simulation.state import Load, Machine, Told


def serve(machine: Machine, control: Control, load: Load, told: Told, first: int, last: int) -> None:
    """Serve requests `first` up to `last`; what runs then goes on in the next call. See `run_fleet`."""
    run = run_fixed if machine.extras is None else run_fleet
    run(machine, control, load, told, first, last)
