"""Section 8: hardware to come, and what cheaper tokens do to their volume."""

from tokonomics.economics.outlook.decline import decline_factor
from tokonomics.economics.outlook.elasticity import DemandPoint, Elasticity, measure_elasticity
from tokonomics.economics.outlook.projection import ArticleYear, article_projection
from tokonomics.economics.serving.roofline import roofline_bound
from tokonomics.physics.formats import kv_element_bytes, weight_format
from tokonomics.units import GB, TB
from tools.article.values import Range
from tools.article.world import MODEL, catalogue, ideal


def bandwidth(part: str) -> float:
    """Memory bandwidth of the catalogue, TB/s."""
    return (catalogue().accelerator(part).memory_bandwidth_bytes_per_s or 0.0) / TB


def memory(part: str) -> float:
    """Memory of the catalogue, GB."""
    return (catalogue().accelerator(part).memory_bytes or 0.0) / GB


def ratio(of: float, part: str) -> float:
    """An announced bandwidth (TB/s) over that of a part."""
    return of / bandwidth(part)


def bandwidth_ratio(part: str, over: str) -> float:
    """Bandwidth over bandwidth."""
    return bandwidth(part) / bandwidth(over)


def bandwidth_gain(part: str, over: str) -> float:
    """The same, as percent more."""
    return 100.0 * (bandwidth_ratio(part, over) - 1.0)


def memory_ratio(part: str, over: str) -> float:
    """Memory over memory."""
    return memory(part) / memory(over)


def decode_gains(part: str, before: tuple[str, ...], after: str) -> Range:
    """Decode bound of a 70B on `part` in one format over the H100 in others, batch 1."""
    new = _step_s(part, after)
    first, second = (_step_s("h100-sxm", precision) / new for precision in before)
    return first, second


def bytes_ratios(before: tuple[str, ...], after: str) -> Range:
    """Bytes of a weight in each of two formats over those in another."""
    first, second = (weight_format(one).weight_bytes / weight_format(after).weight_bytes for one in before)
    return first, second


def kv_ratios(formats: tuple[str, ...]) -> Range:
    """Bytes of a 16-bit cache over those of two formats."""
    first, second = (kv_element_bytes("fp16") / kv_element_bytes(one) for one in formats)
    return first, second


def experts_ratio(model: str) -> float:
    """All parameters over those that a token meets."""
    params = catalogue().model(model).params
    return params.backbone / params.active


def parameters(model: str) -> str:
    """All and active parameters, billions."""
    params = catalogue().model(model).params
    return f"{params.backbone / 1e9:.0f}/{params.active / 1e9:.1f}"


def expert_reads(model: str, batch: float) -> float:
    """Bytes that a step of a batch reads over those of one sequence."""
    one, many = roofline_bound(ideal(model, "fp8"), [1.0, batch], 0.0).memory_s
    return float(many / one)


def cheaper(year: float) -> float:
    """The first year's cost over that of another, by the article's table."""
    first, row = article_projection()[0], _year(year)
    span = row.year - first.year
    return decline_factor(
        start_usd_per_mtok=first.stated_usd_per_mtok,
        end_usd_per_mtok=row.stated_usd_per_mtok,
        span_years=span,
        per_years=span,
    )


def volume_percent(year: float) -> float:
    """Volume of a year over the first, as percent more."""
    return 100.0 * (_year(year).volume_ratio - 1.0)


def two_years() -> float:
    """The fall of the article's table in two years, from its ends."""
    first, last = article_projection()[0], article_projection()[-1]
    return decline_factor(
        start_usd_per_mtok=first.stated_usd_per_mtok,
        end_usd_per_mtok=last.stated_usd_per_mtok,
        span_years=last.year - first.year,
        per_years=2,
    )


def elasticity(field: str) -> float:
    """A measure of the article's table of volumes."""
    return float(getattr(_elasticity(), field))


def spend() -> float:
    """Spending of the last year over the first."""
    return _elasticity().spend_ratios[-1]


def _elasticity() -> Elasticity:
    return measure_elasticity(
        [
            DemandPoint(demand_usd_per_mtok=row.stated_usd_per_mtok, volume_ratio=row.volume_ratio)
            for row in article_projection()
        ]
    )


def _year(year: float) -> ArticleYear:
    return next(row for row in article_projection() if row.year == year)


def _step_s(part: str, precision: str) -> float:
    return float(roofline_bound(ideal(MODEL, precision, part), 1.0, 0.0).step_s)
