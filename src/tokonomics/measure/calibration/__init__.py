"""The fit of the engines' constants to a corpus of measurements, and how far to trust it."""
