"""What the sequences of a steady batch look like: prompts, answers, and the context they run at."""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.physics.latency import PromptSpread
from tokonomics.physics.steady import RequestShape

DEFAULT_STEP_BUDGET_TOKENS = 8192.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyLoad:
    """Requests of one length, as many running as the batch says.

    `shape` counts the prompt tokens that are really prefilled, `total_input_tokens` those of a prefix cache too.
    `longest_tokens` is what a sequence reaches at its end; it must fit alone, or nothing is promised.
    """

    shape: RequestShape
    total_input_tokens: float
    longest_tokens: float
    arrival_cv: float = 1.0

    @property
    def is_decode_only(self) -> bool:
        """Whether prompts are left out: a bare decode rate, as benchmarks of one phase give it."""
        return self.total_input_tokens == 0.0

    @property
    def name(self) -> str:
        """In words."""
        if self.is_decode_only:
            return f"decode only, context {self.shape.context_tokens:,.0f} tokens"
        cached = 1.0 - self.shape.input_tokens / self.total_input_tokens
        hit = f" ({cached:.0%} of it cached)" if cached > 0 else ""
        return f"{self.total_input_tokens:,.0f} tokens in{hit}, {self.shape.output_tokens:,.0f} out"

    def spread_at(self, percentile: float | None) -> PromptSpread:
        """Lengths do not vary here, so every percentile sees the same prompt."""
        return PromptSpread(
            input_tokens=self.shape.input_tokens,
            output_tokens=self.shape.output_tokens,
            input_cv=0.0,
            arrival_cv=self.arrival_cv,
            median_output_tokens=self.shape.output_tokens,
        )


def decode_only(context_tokens: float) -> SteadyLoad:
    """Sequences that only decode, all at `context_tokens`.

    >>> decode_only(1536).name
    'decode only, context 1,536 tokens'
    """
    Checks().at_least(1, context_tokens=context_tokens).done()
    return SteadyLoad(
        shape=RequestShape(input_tokens=0.0, output_tokens=context_tokens, context_tokens=context_tokens),
        total_input_tokens=0.0,
        longest_tokens=context_tokens,
    )


def request_load(
    input_tokens: float,
    output_tokens: float,
    *,
    cached_input_frac: float = 0.0,
    step_budget_tokens: float = DEFAULT_STEP_BUDGET_TOKENS,
) -> SteadyLoad:
    """Requests of `input_tokens` and `output_tokens`; a running one holds its prompt and half of its answer.

    >>> request_load(1024, 1024).shape.context_tokens
    1536.0
    """
    checks = Checks().at_least(1, input_tokens=input_tokens, output_tokens=output_tokens)
    checks.at_least(1, step_budget_tokens=step_budget_tokens).fraction(cached_input_frac=cached_input_frac).done()
    return SteadyLoad(
        shape=RequestShape(
            input_tokens=input_tokens * (1.0 - cached_input_frac),
            output_tokens=output_tokens,
            context_tokens=input_tokens + output_tokens / 2.0,
            step_budget_tokens=step_budget_tokens,
        ),
        total_input_tokens=input_tokens,
        longest_tokens=input_tokens + output_tokens,
    )
