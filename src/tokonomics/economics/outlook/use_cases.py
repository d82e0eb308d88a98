"""What a price makes affordable: the uses it opens, and everyday prices to compare a request with."""

from tokonomics.economics.figures.assumptions import read_table
from tokonomics.economics.figures.checks import Checks


def open_use_cases(usd_per_mtok: float) -> tuple[str, ...]:
    """The kinds of use that a price makes affordable, by the article's thresholds (assumed, without evidence).

    >>> len(open_use_cases(0.5)), len(open_use_cases(0.005)), len(open_use_cases(20.0))
    (2, 4, 0)
    """
    Checks().non_negative(usd_per_mtok=usd_per_mtok).done()
    rows = read_table("use_cases")
    return tuple(row["use_case"] for row in rows if usd_per_mtok <= float(row["opens_at_usd_per_mtok"]))


def anchor_ratios(request_usd: float) -> dict[str, float]:
    """A request's price as a multiple of everyday ones (a web search), each from a dated row.

    >>> anchor_ratios(0.0025)
    {'web search': 0.5}
    """
    Checks().non_negative(request_usd=request_usd).done()
    return {row["anchor"]: request_usd / float(row["request_usd"]) for row in read_table("anchors")}
