"""WHAT TO DO: route, overflow, cascade and budget as pure functions, the same for the simulator and the gateway."""
