"""The article's approximations as it states them, with the limits it leaves out: plain numbers in, plain numbers out.

The formula that the article shows first, bandwidth / (weights / batch), and takes back in the next sentence is the
small-batch one below without its limit; it is offered nowhere as a model. The physics of a named model on a named
accelerator is in `tokonomics.physics`; these are for checking a page, a slide or a colleague.
"""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallBatch:
    """Decode rate when only the weights are counted, and how far that holds.

    `kv_frac` is the share of a step's bytes that is KV cache at this batch; at `parity_sequences` the cache weighs
    as much as the weights and the true rate is half of the simple one.
    """

    simple_tokens_per_s: float
    decode_tokens_per_s: float
    kv_frac: float
    parity_sequences: float


def decode_tokens_per_s(
    *,
    num_sequences: float,
    bandwidth_bytes_per_s: float,
    weights_bytes: float,
    kv_bytes_per_token: float = 0.0,
    context_tokens: float = 0.0,
) -> float:
    """B x bandwidth / (weights + B x KV per token x context): decode bound by memory, and by nothing else.

    Source: the article, section 1.

    >>> round(decode_tokens_per_s(num_sequences=64, bandwidth_bytes_per_s=3.35e12, weights_bytes=37.67e9,
    ...                           kv_bytes_per_token=327_680, context_tokens=1536))
    3068
    """
    checks = Checks().positive(
        num_sequences=num_sequences, bandwidth_bytes_per_s=bandwidth_bytes_per_s, weights_bytes=weights_bytes
    )
    checks.non_negative(kv_bytes_per_token=kv_bytes_per_token, context_tokens=context_tokens).done()
    step_bytes = weights_bytes + num_sequences * kv_bytes_per_token * context_tokens
    return num_sequences * bandwidth_bytes_per_s / step_bytes


def small_batch(
    *,
    num_sequences: float,
    bandwidth_bytes_per_s: float,
    weights_bytes: float,
    kv_bytes_per_token: float,
    context_tokens: float,
) -> SmallBatch:
    """B x bandwidth / weights, with the rate that counts the cache and the batch where the two part by half.

    Source: the article, section 1, which calls the throughput linear "until you saturate compute"; its own formula
    loses half of it at batch 75 and context 1,536.

    >>> limit = small_batch(num_sequences=64, bandwidth_bytes_per_s=3.35e12, weights_bytes=37.67e9,
    ...                     kv_bytes_per_token=327_680, context_tokens=1536)
    >>> round(limit.parity_sequences), round(limit.kv_frac, 2)
    (75, 0.46)
    """
    Checks().positive(kv_bytes_per_token=kv_bytes_per_token, context_tokens=context_tokens).done()
    rate = decode_tokens_per_s(
        num_sequences=num_sequences,
        bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        weights_bytes=weights_bytes,
        kv_bytes_per_token=kv_bytes_per_token,
        context_tokens=context_tokens,
    )
    simple = num_sequences * bandwidth_bytes_per_s / weights_bytes
    return SmallBatch(
        simple_tokens_per_s=simple,
        decode_tokens_per_s=rate,
        kv_frac=1.0 - rate / simple,
        parity_sequences=weights_bytes / (kv_bytes_per_token * context_tokens),
    )


def prefill_tokens_per_s(*, peak_flop_per_s: float, num_params: float) -> float:
    """Peak rate / (2 x parameters): prompts bound by arithmetic, from the ridge on whatever the batch.

    Source: the article, section 1. It leaves out attention, which takes 2 % at 2,048 tokens and half at 128k.

    >>> round(prefill_tokens_per_s(peak_flop_per_s=989e12, num_params=70e9))
    7064
    """
    Checks().positive(peak_flop_per_s=peak_flop_per_s, num_params=num_params).done()
    return peak_flop_per_s / (2.0 * num_params)


def compute_use_frac(*, prompt_tokens_per_s: float, peak_flop_per_s: float, num_params: float) -> float:
    """Share of the peak arithmetic that a measured prefill rate uses (MFU).

    >>> round(compute_use_frac(prompt_tokens_per_s=4000, peak_flop_per_s=989e12, num_params=70e9), 3)
    0.566
    """
    peak = prefill_tokens_per_s(peak_flop_per_s=peak_flop_per_s, num_params=num_params)
    Checks().positive(prompt_tokens_per_s=prompt_tokens_per_s).done()
    return prompt_tokens_per_s / peak


def running_sequences(*, output_tokens_per_s: float, itl_s: float) -> float:
    """How many sequences a throughput and a latency imply: their product, by Little's law.

    >>> round(running_sequences(output_tokens_per_s=1850, itl_s=0.0346), 2)
    64.01
    """
    Checks().positive(output_tokens_per_s=output_tokens_per_s, itl_s=itl_s).done()
    return output_tokens_per_s * itl_s
