"""Section 7: smaller models, and several of them in a row."""

from dataclasses import replace

from tokonomics.economics.hardware.hourly_rates import rank_rates
from tokonomics.economics.quality import cascade_quality as quality_of
from tokonomics.economics.quality.cascade import Tier, article_tiers, cascade_cost
from tokonomics.economics.quality.distillation import StudentCost, article_students, price_students
from tokonomics.physics.formats import weight_format
from tokonomics.physics.weights import weight_bytes
from tokonomics.units import GB
from tools.article.build_or_buy import blended_price
from tools.article.values import Range
from tools.article.world import catalogue, reference

Prices = tuple[float, ...]


def size(model: str, precision: str) -> float:
    """GB of weights."""
    return weight_bytes(catalogue().model(model), weight_format(precision)).resident_bytes / GB


def cost(student: str) -> float:
    """USD per million tokens of a row of the article's table, at its hourly rate."""
    return _row(student).student_usd_per_mtok


def quality(student: str) -> float:
    """Quality of a row of the article's table, percent."""
    return 100.0 * (_row(student).student.quality_frac or 0.0)


def quality_range(students: tuple[str, ...]) -> Range:
    """Qualities of several rows, percent."""
    found = sorted(map(quality, students))
    return found[0], found[-1]


def cheaper(student: str, teacher: str) -> float:
    """How many times cheaper a student's token is."""
    return dict(_row(student).cheaper_than_ratios)[_name(teacher)]


def cheaper_range(students: tuple[str, ...], teacher: str) -> Range:
    """The same for several students."""
    found = sorted(cheaper(student, teacher) for student in students)
    return found[0], found[-1]


def routed_term(tier: float, prices: Prices) -> float:
    """What one tier adds to the price of a router that pays no other."""
    tiers = enumerate(_tiers(prices), 1)
    alone = [one if number == tier else replace(one, tier_usd_per_mtok=0.0) for number, one in tiers]
    return cascade_cost(alone).router_usd_per_mtok


def cascade(field: str, prices: Prices) -> float:
    """A term of the cascade in which an escalated request has paid the tiers before."""
    return float(getattr(cascade_cost(_tiers(prices)), field))


def cascade_quality(routing: float, prices: Prices) -> float:
    """Quality of the cascade at a skill of routing from 0 (random) to 1, percent."""
    return 100.0 * quality_of.cascade_quality(_tiers(prices), routing_frac=routing).blended_frac


def api_over_router(prices: Prices) -> float:
    """GPT-4o over a perfect router."""
    return rank_rates({"api": blended_price(), "router": cascade("router_usd_per_mtok", prices)})[-1].dearer_ratio


def _tiers(prices: Prices) -> list[Tier]:
    """The article's tiers at the prices that it prints, which are rounded."""
    tiers = article_tiers(gpu_usd_per_hour=reference()["gpu_usd_per_hour"])
    return [replace(tier, tier_usd_per_mtok=price) for tier, price in zip(tiers, prices)]


def _row(student: str) -> StudentCost:
    rows = price_students(article_students(), gpu_usd_per_hour=reference()["gpu_usd_per_hour"])
    return next(row for row in rows if row.student.name == _name(student))


def _name(cell: str) -> str:
    return cell.replace("_", " ")
