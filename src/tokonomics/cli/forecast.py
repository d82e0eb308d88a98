"""`tok forecast`: where prices, volume and spending go, what hardware may add, and how long to commit."""

from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tokonomics.cli.listings import facts_options, names_in
from tokonomics.cli.money_options import explain_option, number_options
from tokonomics.cli.options import complete_gpus
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.economics.figures.inputs import stated_problems
from tokonomics.errors import raise_all

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts

Key = TypeVar("Key")
MAX_MONTHS: Final = 240
_PATH = {
    "input_frac": "Share of all tokens that is input, to blend a price",
}
_SPEND = {
    "volume_tokens_per_month": "Tokens of a month at today's price; without it, ratios only",
    "elasticity_exponent": "Elasticity of volume  [1.52; the article's table]",
    "request_tokens": "Tokens of a request, to compare its price with everyday ones",
}
_COMMIT = {
    "needed_gpus": "Commitment: accelerators needed all the time",
    "gpu_usd_per_hour": "Commitment: price of one accelerator-hour, instead of --gpu",
    "spot_discount_frac": "Commitment: what spot saves on on-demand",
    "spot_rework_frac": "Commitment: work lost to interruptions of spot  [0]",
    "quarter_discount_frac": "Commitment: what 3 months save on on-demand",
    "year_discount_frac": "Commitment: what a year saves on on-demand",
    "launch_month": "Commitment: month from now in which a generation launches",
    "launch_frac": "Commitment: chance of that launch",
    "price_after_ratio": "Commitment: price of an hour after the launch, over today's",
    "low_gpus": "Commitment: accelerators needed if demand falls",
    "low_frac": "Commitment: chance that it falls",
}
_LAUNCH: Final = ("launch_month", "launch_frac", "price_after_ratio")
_FALL: Final = ("low_gpus", "low_frac")
_MONTHS = click.IntRange(1, MAX_MONTHS)


@click.command()
@click.option("--api", "apis", multiple=True, metavar="TEXT", help="Hosted model, as provider/model; may be repeated.")
@click.option("--price", "prices", multiple=True, metavar="DATE=USD", help="A price per M tokens from a day on.")
@number_options(_PATH, topic="reference")
@click.option("--months", "num_months", type=_MONTHS, default=36, metavar="N", help="Months to look ahead  [36].")
@click.option("--step", "step_months", type=_MONTHS, default=6, metavar="N", help="Months between rows  [6].")
@number_options(_SPEND)
@click.option("--demand", multiple=True, metavar="USD=RATIO", help="A price and the volume bought at it, in order.")
@click.option(
    "--generation",
    "generations",
    multiple=True,
    metavar="TEXT",
    shell_complete=complete_gpus,
    help="Accelerators to compare, the present one first; may be repeated.",
)
@click.option("--factor", "factors", multiple=True, metavar="NAME=N", help="What else multiplies the yield of an hour.")
@click.option("--gpu", metavar="TEXT", shell_complete=complete_gpus, help="Commitment: accelerator of the catalogue.")
@click.option(
    "--provider", "providers", multiple=True, metavar="TEXT", help="Commitment: only what these sellers offer."
)
@number_options(_COMMIT)
@explain_option
@facts_options
@output_options
def forecast(output: OutputOptions, facts: "Facts", explained: bool, **flags: Any) -> None:
    """Forecast a price from its dated rows and announced changes, then volume and spending along it.

    Without --api or --price the source article's prices stand in. A fitted decline follows only where three prices
    or more span a year, and carries an interval.
    """
    from tokonomics.economics.hardware.commit_ask import ask_commitment  # NumPy and the catalogue load only when asked
    from tokonomics.economics.outlook.forecast_ask import ask_forecast
    from tokonomics.report.forecast_view import forecast_dict, forecast_view
    from tokonomics.report.json import document

    stated = flags["stated"]
    question = _question(flags)
    told = ask_forecast(facts.catalog, question, today=facts.today)
    advice = None
    if stated["needed_gpus"] is not None:
        advice = ask_commitment(
            facts.catalog,
            stated,
            gpu=flags["gpu"],
            providers=names_in(flags["providers"]),
            num_months=flags["num_months"],
        )
    body = {**facts.envelope(), **forecast_dict(told, advice)}
    emit(document("forecast", body), forecast_view(told, advice, facts, explained=explained), output)


def _question(flags: dict[str, Any]) -> Any:
    """Check every flag and gather the question; all that is wrong is said at once."""
    from tokonomics.economics.figures.inputs import AS_STATED
    from tokonomics.economics.outlook.elasticity import DemandPoint
    from tokonomics.economics.outlook.forecast_ask import ForecastQuestion  # NumPy loads only when asked
    from tokonomics.economics.outlook.price_path import PriceRow

    stated = flags["stated"]
    problems = [*_number_problems(stated), *_incomplete(flags, stated)]
    prices = _pairs(flags["prices"], "--price DATE=USD, such as 2025-01-31=2.5", date.fromisoformat, problems)
    demand = _pairs(flags["demand"], "--demand USD=RATIO, such as 0.5=3", _number, problems)
    factors = _pairs(flags["factors"], "--factor NAME=N, such as experts=2", _name, problems)
    problems += [f"--demand price={price:g}; must be above 0" for price in demand if not price > 0]
    problems += [f"--demand volume={ratio:g}; must be above 0" for ratio in demand.values() if not ratio > 0]
    problems += [f"--price {on}={price:g}; must be 0 or more" for on, price in prices.items() if price < 0]
    problems += [f"--factor {name}={factor:g}; must be above 0" for name, factor in factors.items() if not factor > 0]
    raise_all(problems)
    return ForecastQuestion(
        stated=stated,
        apis=names_in(flags["apis"]),
        prices=tuple(PriceRow(on=on, row_usd_per_mtok=price, source=AS_STATED) for on, price in sorted(prices.items())),
        demand=tuple(DemandPoint(demand_usd_per_mtok=price, volume_ratio=ratio) for price, ratio in demand.items()),
        generations=names_in(flags["generations"]),
        factors=factors,
        num_months=flags["num_months"],
        step_months=flags["step_months"],
    )


def _number_problems(stated: Mapping[str, float | None]) -> list[str]:
    """What is wrong with numbers by themselves; an elasticity may be negative, as for a good that is shunned."""
    positive = ("volume_tokens_per_month", "needed_gpus", "gpu_usd_per_hour", "price_after_ratio", "request_tokens")
    exponent = stated["elasticity_exponent"]
    problems = stated_problems({**stated, "elasticity_exponent": None}, positive=positive)
    if exponent is not None and not abs(exponent) <= 100:
        problems.append(f"elasticity_exponent={exponent:g}; measured ones lie between 0 and 5")
    for name in ("spot_discount_frac", "spot_rework_frac", "quarter_discount_frac", "year_discount_frac"):
        if stated[name] == 1:
            problems.append(f"{name}=1; must lie below 1")
    month = stated["launch_month"]
    if month is not None and isfinite(month) and month != int(month):
        problems.append(f"launch_month={month:g}; must be a whole number of months")
    return problems


def _incomplete(flags: dict[str, Any], stated: Mapping[str, float | None]) -> list[str]:
    """What must be given together, and what must not."""
    problems = []
    asked = [name for name in _COMMIT if name != "needed_gpus" and stated[name] is not None]
    if (asked or flags["gpu"]) and stated["needed_gpus"] is None:
        problems.append(f"{', '.join(asked) or '--gpu'} is about a commitment; give --needed-gpus too")
    if stated["needed_gpus"] is not None and (flags["gpu"] is None) == (stated["gpu_usd_per_hour"] is None):
        problems.append("--needed-gpus needs the price of an hour; give either --gpu or --gpu-usd-per-hour")
    for names in (_LAUNCH, _FALL):
        given = [name for name in names if stated[name] is not None]
        if given and len(given) < len(names):
            words = " and ".join(f"--{name.replace('_', '-')}" for name in names)
            problems.append(f"{words} belong together; give all of them")
    if stated["spot_rework_frac"] is not None and stated["spot_discount_frac"] is None and not flags["gpu"]:
        problems.append("--spot-rework-frac without a price of spot; give --spot-discount-frac or --gpu")
    if len(flags["demand"]) == 1:
        problems.append("one --demand; give at least two to see an elasticity")
    if flags["demand"] and stated["elasticity_exponent"] is not None:
        problems.append("elasticity_exponent is stated and also follows from --demand; keep one")
    if len(names_in(flags["generations"])) == 1:
        problems.append("one --generation; give the present one first, then another")
    if flags["factors"] and not flags["generations"]:
        problems.append("--factor multiplies the yield of hardware; give --generation too")
    if flags["prices"] and len(names_in(flags["apis"])) > 1:
        problems.append("--price beside several --api; say whose it is by naming one")
    return problems


def _pairs(texts: tuple[str, ...], shape: str, read: Callable[[str], Key], problems: list[str]) -> dict[Key, float]:
    """Read `key=number` of a flag that may be repeated; each key once."""
    found: dict[Key, float] = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            one, number = read(key.strip()), _number(value)
        except ValueError:
            problems.append(f"{text!r} is not {shape}")
            continue
        if one in found:
            problems.append(f"{text!r} repeats {key.strip()}; keep one")
        found[one] = number
    return found


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value) or abs(value) > 1e18:
        raise ValueError
    return value


def _name(text: str) -> str:
    if not text:
        raise ValueError
    return text
