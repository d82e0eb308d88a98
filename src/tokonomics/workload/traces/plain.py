"""Our own plain CSV: arrival_s,input_tokens,output_tokens, or lengths only."""

from typing import Final

from tokonomics.workload.traces.csv_table import CsvLayout

LAYOUT: Final = CsvLayout(format="csv", arrival="arrival_s", input="input_tokens", output="output_tokens")
LENGTHS: Final = CsvLayout(format="csv lengths", arrival=None, input="input_tokens", output="output_tokens")
