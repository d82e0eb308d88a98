"""What a prefix cache can save: block ids per request, and the share of tokens that were seen before."""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BlockHashes:
    """Prefix blocks of every request, in rows (CSR): request r holds ids[offsets[r]:offsets[r + 1]].

    An id stands for a block and all blocks before it, so equal ids mean equal prefixes.
    offsets has one entry more than there are requests. A block is tokens_per_block long, the last may be less.
    """

    offsets: IntArray
    ids: IntArray
    tokens_per_block: int

    @property
    def num_requests(self) -> int:
        """Number of requests (rows)."""
        return self.offsets.size - 1

    def take(self, keep: IntArray) -> "BlockHashes":
        """The rows `keep` (indices), in that order."""
        sizes = np.diff(self.offsets)[keep]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        ids = self.ids[np.repeat(self.offsets[:-1][keep], sizes) + within]
        return BlockHashes(offsets=offsets, ids=ids, tokens_per_block=self.tokens_per_block)

    def apart(self, copies: IntArray) -> "BlockHashes":
        """The same rows, where those of different copy numbers (0 or more, one a row) share no block."""
        if not self.ids.size:
            return self
        ids = self.ids + np.repeat(copies, np.diff(self.offsets)) * (self.ids.max() + 1)
        return BlockHashes(offsets=self.offsets, ids=ids, tokens_per_block=self.tokens_per_block)


def reusable_input_frac(blocks: BlockHashes, input_tokens: FloatArray) -> float:
    """Share of input tokens that an unlimited prefix cache saves, requests taken in order.

    A request whose first k blocks were all in earlier requests reuses min(k x block, input) tokens.
    """
    hits = _leading_hits(blocks)
    reused = np.minimum(hits * blocks.tokens_per_block, input_tokens)
    return float(reused.sum() / input_tokens.sum())


def lru_block_hit_frac(blocks: BlockHashes, num_blocks: int) -> float:
    """Share of blocks found in a least-recently-used cache of `num_blocks` blocks, requests taken in order.

    Only leading blocks hit, as in an engine, and a request's last block is the first of its blocks to be evicted.
    Takes about 0.5 us x blocks. Raises InputError when the cache cannot hold one block.
    """
    if num_blocks < 1:
        raise InputError(f"num_blocks={num_blocks}; limit=1 or more; give the blocks that the cache can hold")
    cache: OrderedDict[int, None] = OrderedDict()
    ids, offsets = blocks.ids.tolist(), blocks.offsets.tolist()
    num_hits = 0
    for start, end in pairwise(offsets):
        request = ids[start:end]
        num_hits += sum(1 for _ in takewhile(cache.__contains__, request))
        _touch(cache, request, num_blocks)
    return num_hits / max(blocks.ids.size, 1)


def _touch(cache: OrderedDict[int, None], request: list[int], num_blocks: int) -> None:
    for block in reversed(request):
        cache[block] = None
        cache.move_to_end(block)
        if len(cache) > num_blocks:
            cache.popitem(last=False)


def fitting_block_tokens(input_tokens: FloatArray, num_blocks: IntArray) -> int | None:
    """The one power of two B with ceil(input / B) = blocks for every request; None when none or several fit.

    >>> fitting_block_tokens(np.array([513.0, 5000.0]), np.array([2, 10]))
    512
    """
    fits = [
        1 << power
        for power in range(17)
        if np.array_equal(np.ceil(input_tokens / (1 << power)).astype(np.int64), num_blocks)
    ]
    return fits[0] if len(fits) == 1 else None


def _leading_hits(blocks: BlockHashes) -> IntArray:
    """Number of leading blocks of each request that an earlier request held."""
    _, first, inverse = np.unique(blocks.ids, return_index=True, return_inverse=True)
    sizes = np.diff(blocks.offsets)
    starts = np.repeat(blocks.offsets[:-1], sizes)
    place = np.arange(blocks.ids.size) - starts
    is_new = first[inverse] >= starts
    leading = np.repeat(sizes, sizes)
    leading[is_new] = place[is_new]
    hits = sizes.copy()
    filled = np.flatnonzero(sizes)
    if filled.size:
        hits[filled] = np.minimum.reduceat(leading, blocks.offsets[:-1][filled])
    return hits
