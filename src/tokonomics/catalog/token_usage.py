"""Tokens of one request (or of many), in classes that never overlap."""

from dataclasses import dataclass, fields

from tokonomics.errors import raise_all


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenUsage:
    """Counts of tokens by disjoint class; every token is in exactly one of them.

    `input_cache_read` was found in a prefix cache, `input_cache_write_*` was stored into one for 5 minutes or an
    hour, `output_reasoning` was generated and not shown.

    >>> TokenUsage(input_uncached=200, input_cache_read=100).input_tokens
    300
    """

    input_uncached: int = 0
    input_cache_read: int = 0
    input_cache_write_5m: int = 0
    input_cache_write_1h: int = 0
    output_text: int = 0
    output_reasoning: int = 0

    def __post_init__(self) -> None:
        counts = [(one.name, getattr(self, one.name)) for one in fields(self)]
        wrong = [(name, value) for name, value in counts if not isinstance(value, int) or value < 0]
        raise_all([f"{name}={value!r} tokens; limit=0; give a whole number of 0 or more" for name, value in wrong])

    @property
    def input_tokens(self) -> int:
        """All input tokens: what decides the tier of a request."""
        return self.input_uncached + self.input_cache_read + self.input_cache_write_5m + self.input_cache_write_1h

    @property
    def output_tokens(self) -> int:
        """All output tokens, shown or not."""
        return self.output_text + self.output_reasoning

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})
