"""WHAT TO BUY: candidates, the mixed-integer fleet, and the proof by replay."""
