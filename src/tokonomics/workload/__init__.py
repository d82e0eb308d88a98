"""What is asked: traffic, the traces and presets it comes from, and the SLO it must meet."""
