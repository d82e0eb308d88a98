import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.prefix import (
    BlockHashes,
    fitting_block_tokens,
    lru_block_hit_frac,
    reusable_input_frac,
)


def blocks_of(*rows, size=10):
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    ids = np.array([one for row in rows for one in row], dtype=np.int64)
    return BlockHashes(offsets=offsets, ids=ids, tokens_per_block=size)


def test_reuse_counts_leading_blocks_seen_before():
    blocks = blocks_of([1, 2, 3], [1, 2, 9], [9, 2], [1, 2, 9, 4])
    # second: two blocks; third: 9 was seen in the second, 2 too; fourth: 1, 2, 9
    assert reusable_input_frac(blocks, np.array([30.0, 30.0, 20.0, 40.0])) == (20 + 20 + 30) / 120


def test_a_gap_ends_the_reusable_prefix():
    blocks = blocks_of([1, 2], [7, 1, 2])
    assert reusable_input_frac(blocks, np.array([20.0, 30.0])) == 0.0


def test_a_partial_last_block_reuses_no_more_than_the_input():
    blocks = blocks_of([1, 2], [1, 2])
    assert reusable_input_frac(blocks, np.array([13.0, 13.0])) == 0.5


def test_a_block_twice_in_one_request_is_not_a_reuse():
    assert reusable_input_frac(blocks_of([5, 5, 5]), np.array([30.0])) == 0.0


def test_requests_without_blocks_reuse_nothing():
    blocks = blocks_of([], [1], [], [1], [])
    assert reusable_input_frac(blocks, np.full(5, 10.0)) == 10 / 50
    assert reusable_input_frac(blocks_of([], []), np.full(2, 10.0)) == 0.0
    assert lru_block_hit_frac(blocks_of([], []), 5) == 0.0


def test_an_lru_that_holds_everything_finds_what_an_unlimited_cache_finds():
    rng = np.random.default_rng(3)
    rows = [[int(one) for one in range(rng.integers(1, 6))] for _ in range(50)]
    blocks = blocks_of(*rows)
    full = np.array([10.0 * len(row) for row in rows])
    assert lru_block_hit_frac(blocks, 10_000) == pytest.approx(reusable_input_frac(blocks, full))


def test_an_lru_forgets_the_least_recent():
    blocks = blocks_of([1], [2], [3], [1], [3])
    assert lru_block_hit_frac(blocks, 2) == 1 / 5  # 1 was evicted by 3; 3 is still there
    assert lru_block_hit_frac(blocks, 3) == 2 / 5
    assert lru_block_hit_frac(blocks, 1) == 0.0


def test_the_tail_of_a_request_is_evicted_before_its_head():
    blocks = blocks_of([1, 2, 3], [9], [1, 2, 3])
    assert lru_block_hit_frac(blocks, 3) == 2 / 7  # 3 made room for 9


@pytest.mark.parametrize("num_blocks", [0, -4])
def test_a_cache_holds_at_least_a_block(num_blocks):
    with pytest.raises(InputError, match="num_blocks="):
        lru_block_hit_frac(blocks_of([1]), num_blocks)


def test_take_keeps_rows_in_the_order_asked():
    taken = blocks_of([1, 2], [], [3], [4, 5, 6]).take(np.array([3, 1, 0]))
    assert taken.offsets.tolist() == [0, 3, 3, 5]
    assert taken.ids.tolist() == [4, 5, 6, 1, 2]
    assert taken.num_requests == 3


def test_take_of_nothing():
    assert blocks_of([1, 2]).take(np.array([], dtype=np.int64)).num_requests == 0


def test_the_block_length_shows_in_the_counts():
    tokens = np.array([1.0, 16.0, 17.0, 500.0])
    assert fitting_block_tokens(tokens, np.ceil(tokens / 16).astype(np.int64)) == 16
    assert fitting_block_tokens(tokens, np.array([1, 1, 1, 1])) is None  # 512 and longer all fit
    assert fitting_block_tokens(tokens, np.array([1, 2, 1, 9])) is None  # none fits
