"""How each way to measure loads a replica; one module a mode."""
