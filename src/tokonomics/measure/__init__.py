"""HOW IT REALLY RAN: published measurements, what the physics says of the same cases, and how far the two are apart."""
