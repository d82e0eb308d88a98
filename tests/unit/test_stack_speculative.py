"""Speculative decoding: a law of latency, and a sign that the load decides."""

import numpy as np
import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.optimisation.speculative import (
    Speculation,
    accepted_tokens,
    break_even_batch,
    latency_factor,
    speculate,
    speculation_of,
)
from tokonomics.economics.serving.replica import batch_rates, replica_of
from tokonomics.economics.serving.stack_assumptions import stack_assumptions
from tokonomics.economics.serving.steady_load import decode_only, request_load
from tokonomics.errors import InputError
from tokonomics.physics.deployment import deployment

FACTS = load_catalog()
USUAL = speculation_of()
DECODE, CHAT = decode_only(512), request_load(1024, 1024)


def replica(load=DECODE, model="llama-3-70b", part="h100-sxm", precision="int4-awq", engine="roofline", **more):
    return replica_of(
        deployment(FACTS.model(model), FACTS.accelerator(part), precision=precision, engine=engine, **more), load
    )


class TestAcceptance:
    @pytest.mark.parametrize("acceptance", [0.1, 0.5, 0.75, 0.95])
    @pytest.mark.parametrize("num_draft", [1, 4, 8])
    def test_the_closed_form(self, acceptance, num_draft):
        closed = (1 - acceptance ** (num_draft + 1)) / (1 - acceptance)
        assert accepted_tokens(acceptance, num_draft) == pytest.approx(closed)

    def test_against_drawing_runs(self):
        draws = np.random.default_rng(1).random((200_000, 4)) < 0.75
        run = np.where(draws.all(axis=1), 4, np.argmin(draws, axis=1))
        assert accepted_tokens(0.75, 4) == pytest.approx(float(run.mean()) + 1, abs=0.01)

    def test_ends(self):
        assert accepted_tokens(0.0, 8) == 1
        assert accepted_tokens(1.0, 8) == 9


class TestLatency:
    def test_published_speed_ups_lie_on_the_law(self):
        """arXiv:2302.01318, table 1: 1.92, 2.01 and 2.46 times; the span of the row covers the three."""
        row = stack_assumptions()["acceptance_frac"]
        low, high = (Speculation(num_draft_tokens=4, acceptance_frac=one, draft_cost_ratio=0.128) for one in row.span)
        assert latency_factor(low) == pytest.approx(1.92, abs=0.02)
        assert latency_factor(USUAL) == pytest.approx(2.01, abs=0.02)
        assert latency_factor(high) == pytest.approx(2.46, abs=0.02)

    def test_batch_1_comes_near_the_law_and_never_passes_it(self):
        for engine in ("roofline", "vllm"):
            factor = float(speculate(replica(engine=engine), 1.0, USUAL).throughput_factor)
            assert factor <= latency_factor(USUAL) * (1 + 1e-9)
            assert factor == pytest.approx(latency_factor(USUAL), rel=0.05)

    def test_batch_is_throughput_times_latency(self):
        told = speculate(replica(CHAT), [1.0, 16.0, 60.0], USUAL)
        assert (told.output_tokens_per_s * told.mean_itl_s).tolist() == pytest.approx([1.0, 16.0, 60.0])

    def test_the_factor_is_against_the_same_batch(self):
        one = replica(CHAT)
        plain = batch_rates(one, 16.0)
        told = speculate(one, 16.0, USUAL)
        factor = float(told.output_tokens_per_s) / float(plain.output_tokens_per_s)
        assert float(told.throughput_factor) == pytest.approx(factor)

    def test_prompts_are_not_sped_up(self):
        """The share of prompts dilutes the gain."""
        alone, chat = (float(speculate(replica(load), 16.0, USUAL).throughput_factor) for load in (DECODE, CHAT))
        assert chat < alone


class TestThroughput:
    def test_the_sign_depends_on_the_load(self):
        one = replica(decode_only(64))
        factors = speculate(one, one.batches, USUAL).throughput_factor
        assert factors[0] > 1.8
        assert factors[-1] < 0.9, "arithmetic binds, and rejected rows are paid for"
        limit = break_even_batch(one, USUAL)
        assert 1 < limit < one.max_batch
        assert factors[limit - 1] >= 1 > factors[limit]

    def test_a_saturated_replica_pays_for_rejected_tokens(self):
        """Fully bound by arithmetic: k + 1 rows for E tokens, and the draft on top."""
        one = replica(decode_only(1))
        factor = float(speculate(one, 100_000.0, USUAL).throughput_factor)
        assert factor == pytest.approx(USUAL_TOKENS / (5 + 4 * 0.128), rel=0.01)

    def test_nothing_accepted_never_pays(self):
        never = Speculation(num_draft_tokens=4, acceptance_frac=0.0)
        assert break_even_batch(replica(), never) is None
        assert (speculate(replica(), [1.0, 32.0], never).throughput_factor < 1).all()

    def test_lookup_in_the_prompt_costs_no_draft(self):
        free = Speculation(num_draft_tokens=4, acceptance_frac=0.75)
        both = [float(speculate(replica(), 1.0, one).throughput_factor) for one in (free, USUAL)]
        assert both[0] > both[1]

    def test_long_contexts_keep_it_worth_while(self):
        """The cache is read once for all rows of a sequence, so a batch bound by its cache still gains."""
        long = replica(decode_only(16_384), "llama-3.1-8b", "h200-sxm", "fp8")
        assert break_even_batch(long, USUAL) == long.max_batch

    def test_what_does_not_fit_never_pays(self):
        assert break_even_batch(replica(precision="fp16"), USUAL) is None

    def test_better_drafts_gain_more(self):
        """What Medusa and EAGLE improve is acceptance, and the cost of the draft."""
        one = replica(engine="vllm")
        factors = [
            float(
                speculate(
                    one, 1.0, Speculation(num_draft_tokens=4, acceptance_frac=a, draft_cost_ratio=c)
                ).throughput_factor
            )
            for a, c in ((0.6, 0.128), (0.8, 0.128), (0.8, 0.02))
        ]
        assert factors == sorted(factors)
        assert factors[-1] > 2.5


USUAL_TOKENS = accepted_tokens(USUAL.acceptance_frac, USUAL.num_draft_tokens)


@pytest.mark.parametrize(
    "wrong",
    [{"num_draft_tokens": 0}, {"num_draft_tokens": 2.5}, {"acceptance_frac": 1.1}, {"acceptance_frac": float("nan")},
     {"draft_cost_ratio": -0.1}, {"draft_weight_ratio": -1}, {"draft_kv_ratio": float("inf")}],
)  # fmt: skip
def test_absurd_speculation_is_refused(wrong):
    with pytest.raises(InputError):
        Speculation(**{"num_draft_tokens": 4, "acceptance_frac": 0.7, **wrong})
