"""How many accelerators hold so many sequences at once, and how long each may be."""

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.deployment import deployment
from tokonomics.physics.fit import Layouts, fit, smallest_fit, smallest_fits


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture
def held(catalog):
    model, part = catalog.model("llama-3.3-70b"), catalog.accelerator("h200-sxm")

    def hold(num_sequences, **keys):
        return smallest_fit(
            model, part, Layouts(precision="fp8", **keys), context_tokens=32768, num_sequences=num_sequences
        )

    return hold


def test_one_sequence_is_the_smallest_layout(held):
    assert (held(1).deployment.num_gpus, held(1).num_replicas, held(1).num_gpus) == (1, 1, 1)


@pytest.mark.parametrize("num_sequences", [1, 5, 16, 17, 40, 100, 1000])
def test_replicas_hold_them_and_one_fewer_do_not(held, num_sequences):
    one = held(num_sequences)
    assert one.num_replicas * one.max_batch >= num_sequences
    assert (one.num_replicas - 1) * one.max_batch < num_sequences


@pytest.mark.parametrize("num_sequences", [1, 5, 16, 40, 100])
def test_no_single_layout_needs_fewer(held, num_sequences):
    singles = [held(num_sequences, gpus_per_replica=(num,)).num_gpus for num in (1, 2, 4, 8)]
    assert held(num_sequences).num_gpus == min(singles)


def test_shared_context_shrinks_as_more_share_it(catalog):
    dep = deployment(
        catalog.model("llama-3.3-70b"), catalog.accelerator("h200-sxm"), precision="fp8", tensor_parallel=2
    )
    shared = [fit(dep, context_tokens=1000, num_sequences=num).shared_context_tokens for num in (1, 2, 4, 8)]
    assert shared == sorted(shared, reverse=True)
    assert shared[0] == fit(dep, context_tokens=1000).max_context_tokens
    assert shared[3] * 8 <= shared[0]


def test_the_list_begins_with_the_fewest_in_all(catalog):
    fits, _ = smallest_fits(
        catalog.model("llama-3.3-70b"),
        catalog.accelerators.values(),
        Layouts(precision="fp8"),
        context_tokens=8192,
        num_sequences=64,
    )
    assert [one.num_gpus for one in fits] == sorted(one.num_gpus for one in fits)
    assert all(one.num_replicas >= 1 for one in fits)
