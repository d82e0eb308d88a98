"""WHAT WOULD HAPPEN: traffic replayed event by event on replicas and fleets; no dollar, no clock, no I/O."""
