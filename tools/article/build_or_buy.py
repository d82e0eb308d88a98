"""Section 6: one H100 against GPT-4o, by volume, and the two together."""

from dataclasses import replace

from tokonomics.economics.build_or_buy import api_wins
from tokonomics.economics.build_or_buy import break_even as solver
from tokonomics.economics.build_or_buy.api_wins import multi_model
from tokonomics.economics.build_or_buy.break_even import BuildOrBuy, build_or_buy
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, always_on_curve, api_curve, monthly_cost
from tokonomics.economics.build_or_buy.duration_curve import (
    LoadDuration,
    capacity_split,
    exceeded_level_tokens_per_s,
    steady_and_peak,
)
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, share_rule, split_cost
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok
from tokonomics.units import MTOK, SECONDS_PER_DAY, usd_per_mtok
from tools.article.world import reference


def blended_price() -> float:
    """GPT-4o, half of the tokens input."""
    ref = reference()
    return blended_usd_per_mtok(
        input_usd_per_mtok=ref["api_input_usd_per_mtok"],
        output_usd_per_mtok=ref["api_output_usd_per_mtok"],
        input_frac=ref["input_frac"],
    )


def api() -> CostCurve:
    """The API as a cost curve."""
    return api_curve("API", usd_per_mtok=blended_price(), days_per_month=reference()["days_per_month"])


def own(ops: float | None = None, mtok_per_gpu: float | None = None) -> CostCurve:
    """H100s as a cost curve, at the article's monthly price; a GPU carries what its decode rate yields in a day."""
    ref = reference()
    return CostCurve(
        name="Self",
        fixed_usd_per_month=ref["ops_usd_per_month"] if ops is None else ops,
        replica_usd_per_month=ref["gpu_usd_per_month"],
        replica_tokens_per_day=mtok_per_gpu * MTOK if mtok_per_gpu else ref["decode_tokens_per_s"] * SECONDS_PER_DAY,
        days_per_month=ref["days_per_month"],
    )


def api_month(mtok: float) -> float:
    """A month of the API at `mtok` million tokens a day."""
    return monthly_cost(api(), volume_tokens_per_day=mtok * MTOK).total_usd_per_month


def own_month(mtok: float, mtok_per_gpu: float) -> float:
    """A month of self-hosting where a GPU carries `mtok_per_gpu` a day."""
    return monthly_cost(own(mtok_per_gpu=mtok_per_gpu), volume_tokens_per_day=mtok * MTOK).total_usd_per_month


def saving(mtok: float) -> float:
    """The difference of the two, at the real capacity of a GPU."""
    return _row(mtok).saving_usd_per_month


def winner(mtok: float) -> str:
    """The cheaper of the two."""
    return _row(mtok).winner


def break_even(ops: float) -> float:
    """The volume at which both cost the same, million tokens a day."""
    volume = solver.break_even(own(ops), api()).volume_tokens_per_day
    assert volume is not None
    return volume / MTOK


def gpu_month(usd_per_hour: float, tokens_per_s: float) -> float:
    """A GPU for a month, around the clock."""
    curve = always_on_curve("H100", gpu_usd_per_hour=usd_per_hour, replica_tokens_per_s=tokens_per_s)
    return curve.replica_usd_per_month


def day_capacity(tokens_per_s: float) -> float:
    """Million tokens that a rate yields in a day."""
    ref = reference()
    curve = always_on_curve("H100", gpu_usd_per_hour=ref["gpu_usd_per_hour"], replica_tokens_per_s=tokens_per_s)
    return (curve.replica_tokens_per_day or 0.0) / MTOK


def blended_own(usd_per_hour: float) -> float:
    """USD per million tokens of both kinds on one GPU."""
    ref = reference()
    rate = blended_tokens_per_s(
        prefill_tokens_per_s=ref["prefill_tokens_per_s"],
        decode_tokens_per_s=ref["decode_tokens_per_s"],
        input_frac=ref["input_frac"],
    )
    return usd_per_mtok(usd_per_hour, rate)


def burst(field: str, peak: float, hours: float) -> float:
    """A share (percent) of a fleet sized for `peak` times the load for some hours of the day."""
    return 100.0 * float(getattr(api_wins.burst(peak_ratio=peak, peak_hours=hours), field))


def off_peak_hours(peak: float, hours: float) -> float:
    """Hours a day outside that peak."""
    return api_wins.burst(peak_ratio=peak, peak_hours=hours).off_peak_hours_frac * api_wins.HOURS_PER_DAY


def hybrid_load(level: float, steady: float, peak: float, hours: float) -> float:
    """The level that the hybrid load exceeds for at most a share of time, million tokens a day."""
    rate = exceeded_level_tokens_per_s(_load(steady, peak, hours), exceeded_frac=level)
    return rate * SECONDS_PER_DAY / MTOK


def implied_peak_hours(overflow: float, peak: float, mtok_per_gpu: float) -> float:
    """Hours of peak a day in which one GPU lets the stated overflow (a day's million tokens) through."""
    beyond = capacity_split(
        _load(mtok_per_gpu, peak, api_wins.HOURS_PER_DAY), capacity_tokens_per_s=_rate(mtok_per_gpu)
    )
    return overflow * MTOK / SECONDS_PER_DAY / beyond.overflow_tokens_per_s * api_wins.HOURS_PER_DAY


def split(replicas: float, overflow: float, total: float, ops: float = 0.0) -> float:
    """A month of some GPUs and an overflow, both volumes in million tokens a day."""
    month = split_cost(
        replace(_terms(), ops_usd_per_month=ops),
        num_replicas=int(replicas),
        total_tokens_per_day=total * MTOK,
        overflow_tokens_per_day=overflow * MTOK,
    )
    return month.total_usd_per_month


def split_saving(total: float, replicas: float, overflow: float, than_replicas: float, than_overflow: float) -> float:
    """What one split saves against another, percent."""
    return 100.0 * (1.0 - split(replicas, overflow, total) / split(than_replicas, than_overflow, total))


def rule_captures(served: float, steady: float, peak: float, hours: float) -> float | str:
    """What serving a share in-house captures of the best saving in the hybrid example, percent."""
    rule = share_rule(_load(steady, peak, hours), _terms(), served_frac=served)
    return "nothing to capture" if rule.captured_ratio is None else 100.0 * rule.captured_ratio


def deployments(models: float, together: float) -> float:
    """Deployments that several models need when `together` of them share one."""
    month = reference()["gpu_usd_per_month"]
    verdict = multi_model(
        num_models=int(models),
        deployment_usd_per_month=month,
        api_usd_per_month=month,
        models_per_deployment=int(together),
    )
    return verdict.self_host_usd_per_month / month


def _row(mtok: float) -> BuildOrBuy:
    [row] = build_or_buy(own(), api(), [mtok * MTOK])
    return row


def _load(steady: float, peak: float, hours: float) -> LoadDuration:
    return steady_and_peak(steady_tokens_per_day=steady * MTOK, peak_tokens_per_day=peak * MTOK, peak_hours=hours)


def _terms() -> HybridTerms:
    ref = reference()
    return HybridTerms(
        replica_usd_per_month=ref["gpu_usd_per_month"],
        replica_tokens_per_s=ref["decode_tokens_per_s"],
        api_usd_per_mtok=blended_price(),
        days_per_month=ref["days_per_month"],
    )


def _rate(mtok_per_day: float) -> float:
    return mtok_per_day * MTOK / SECONDS_PER_DAY
