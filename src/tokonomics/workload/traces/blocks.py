"""Block ids of a trace, with the block length that explains how many there are."""

import numpy as np

from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.prefix import BlockHashes, fitting_block_tokens
from tokonomics.workload.traces.raw import IntArray


def block_hashes(
    ids: IntArray, sizes: IntArray, input_tokens: FloatArray, *, assumed_tokens: int
) -> tuple[BlockHashes | None, tuple[str, ...]]:
    """Ids with `sizes` of them a request, and notes; None without any id.

    The block length is the power of two that gives every request its number of blocks; where none does, it is
    `assumed_tokens`, and a note says so.
    """
    if not ids.size:
        return None, ()
    counted = (sizes > 0) & np.isfinite(input_tokens)
    fitting = fitting_block_tokens(input_tokens[counted], sizes[counted])
    note = f"block length assumed {assumed_tokens} tokens: no length explains every request's number of blocks"
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    blocks = BlockHashes(offsets=offsets, ids=ids, tokens_per_block=fitting or assumed_tokens)
    return blocks, () if fitting else (note,)
