"""The ids of prefix blocks become 0, 1, ... in their order, by a table or by a sort alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.simulation.state import NONE, _renumbered, new_units
from tokonomics.workload.prefix import BlockHashes


@settings(max_examples=100)
@given(st.lists(st.integers(-3, 400), min_size=1, max_size=60), st.sampled_from([1, 10**12]))
def test_the_numbers_are_ranks_whatever_the_ids(ids, factor):
    ids = np.array(ids, dtype=np.int64) * factor
    numbers, num_units = _renumbered(ids)
    known, expected = np.unique(ids, return_inverse=True)
    assert num_units == known.size
    assert numbers.tolist() == expected.tolist()


def test_no_ids_are_no_units():
    numbers, num_units = _renumbered(np.zeros(0, dtype=np.int64))
    assert (numbers.size, num_units) == (0, 0)


@pytest.mark.parametrize("factor", [1, 10**12])
def test_every_replica_begins_without_units(factor):
    hashes = BlockHashes(
        offsets=np.array([0, 2, 3]), ids=np.array([7, 9, 7], dtype=np.int64) * factor, tokens_per_block=512
    )
    offsets, ids, held, refs, _, _ = new_units(hashes, 2, 3)
    assert offsets.tolist() == [0, 2, 3]
    assert ids.tolist() == [0, 1, 0]
    assert held.tolist() == [0, 0, 0]
    assert refs.shape == (3, 2)
    assert (refs == NONE).all()
