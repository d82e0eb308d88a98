"""Readers of traces, one file a format; `read_trace` finds out which format a file is in.

file  ->  detect  ->  one reader per format  ->  raw columns  ->  assemble (checks, order)  ->  Trace
"""

from tokonomics.workload.traces.read import FORMATS, read_trace

__all__ = ["FORMATS", "read_trace"]
