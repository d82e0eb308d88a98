"""One price, or one rate, for a mix of input and output tokens: blended on both sides or on neither."""

from tokonomics.economics.figures.checks import Checks


def blended_usd_per_mtok(*, input_usd_per_mtok: float, output_usd_per_mtok: float, input_frac: float) -> float:
    """The mean price of a token when `input_frac` of all tokens are input.

    >>> blended_usd_per_mtok(input_usd_per_mtok=2.50, output_usd_per_mtok=10.0, input_frac=0.5)
    6.25
    """
    checks = Checks().fraction(input_frac=input_frac)
    checks.non_negative(input_usd_per_mtok=input_usd_per_mtok, output_usd_per_mtok=output_usd_per_mtok).done()
    return input_frac * input_usd_per_mtok + (1.0 - input_frac) * output_usd_per_mtok


def blended_tokens_per_s(*, prefill_tokens_per_s: float, decode_tokens_per_s: float, input_frac: float) -> float:
    """Tokens of both kinds that one deployment handles, its time shared between prefill and decode.

    rate = 1 / (input share / prefill rate + output share / decode rate)

    Source: the article's own rates; 2,182 tok/s where it counts 1,500 (outputs only) against a blended price.

    >>> round(blended_tokens_per_s(prefill_tokens_per_s=4000, decode_tokens_per_s=1500, input_frac=0.5))
    2182
    """
    checks = Checks().fraction(input_frac=input_frac)
    checks.positive(prefill_tokens_per_s=prefill_tokens_per_s, decode_tokens_per_s=decode_tokens_per_s).done()
    return 1.0 / (input_frac / prefill_tokens_per_s + (1.0 - input_frac) / decode_tokens_per_s)
