"""Write `docs/accuracy.md`: the accuracy of the physics on a corpus of published measurements.

python -m tools.accuracy CORPUS.csv

The corpus is not part of the repository, so the page is not one of `make docs`; it names the digests of what it saw.
"""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import TokonomicsError
from tokonomics.measure.corpus import read_corpus
from tokonomics.measure.intervals import predict_with_intervals
from tokonomics.measure.predict import METRICS, Prediction
from tokonomics.report.accuracy_view import accuracy_view
from tokonomics.report.md import render_md
from tools.offered_rate import offered_rate

_ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = _ROOT / "docs" / "accuracy.md"
CROSS_VALIDATION: Final = _ROOT / "docs" / "cross_validation.json"
CURVE: Final = _ROOT / "benchmarks" / "results" / "learning_curve.csv"
OWN_POINTS: Final = _ROOT / "benchmarks" / "results" / "own_points.csv"
_DIGEST_CHARS: Final = 12
_CAUTION: Final = """\
**In sample.** The constants were fitted to these measurements, so the tables below are kinder than the cross-validated
ones above. MdAPE is the median of |predicted/measured - 1|, bias the median of predicted/measured - 1; `of known` is
the share predicted of the rows whose model and accelerator the catalogue knows. What each term is, and why the worst
misses miss, says [the model card](model-cards/accuracy.md).
"""
_BARS: Final = {
    ("rows", "output_tokens_per_s"): 0.08,
    ("groups", "tpot_s"): 0.12,
    ("groups", "ttft_s"): 0.30,
    ("sources", "output_tokens_per_s"): 0.25,
}
"""What the project asked of itself."""
_OWN_POINTS: Final = 3
_OWN_POINTS_BAR: Final = 0.07
_SPLITS: Final = {
    "rows": "rows of known sources",
    "groups": "model x accelerator x engine groups",
    "sources": "whole sources",
}
_PEERS: Final = """\
| peer, on rows like these | TPOT | TTFT | output | rows it predicts |
|---|---|---|---|---|
| aiconfigurator, where it has measured kernels | 3 to 5 % | 38 to 58 % | | a third |
| aiconfigurator, on groups | 21.5 % | 51 % | | 53 % |
| a roofline with one constant a family, unseen rows / groups / sources | 22 % (groups) | | 20 % / - / 44 % | |
| the same with gradient-boosted residuals | 15 % (groups) | | 6.7 % / - / 44 % | |
"""


def cross_validated(found: Mapping[str, Any]) -> str:
    """The table of what fits said of rows, groups and sources that they had not seen."""
    lines = ["| unseen | metric | values | MdAPE | P90 APE | in 10-90 | bar | |", "|---|---|---|---|---|---|---|---|"]
    for row in found["scores"]:
        bar = _BARS.get((row["split"], row["metric"]))
        verdict = "" if bar is None else ("met" if row["mdape_frac"] <= bar else "missed")
        lines.append(
            f"| {_SPLITS[row['split']]} | {row['metric']} | {row['num_rows']:,} | {row['mdape_frac']:.1%} |"
            f" {row['p90ape_frac']:.0%} | {row['coverage_10_90_frac']:.0%} | {'' if bar is None else f'{bar:.0%}'} |"
            f" {verdict} |"
        )
    return "\n".join([*lines, ""])


def learning_curve(rows: Sequence[Mapping[str, str]]) -> str:
    """What each kind of feature bought, cross-validated."""
    lines = ["| features added | weights | unseen | output | prefill | TPOT | TTFT |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        off = " | ".join(f"{float(row[f'{metric}_mdape_frac']):.1%}" for metric in METRICS)
        lines.append(f"| {row['added']} | {row['weights']} | {row['split']} | {off} |")
    return "\n".join([*lines, ""])


def own_points(rows: Sequence[Mapping[str, str]]) -> str:
    """What points of one's own buy on the other rows of a group that the fit had not seen."""
    heads = ("points", "drawn from, judged on the rest of", "TPOT MdAPE", "median of groups", "bar", "")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        off, of_groups = float(row["tpot_mdape_frac"]), float(row["median_of_groups_frac"])
        verdict = f"{_OWN_POINTS_BAR:.0%} | {'met' if off <= _OWN_POINTS_BAR else 'missed'}"
        bar = verdict if int(row["num_points"]) == _OWN_POINTS else " |"
        lines.append(f"| {row['num_points']} | {row['drawn_from']} | {off:.1%} | {of_groups:.1%} | {bar} |")
    return "\n".join([*lines, ""])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page(predictions: Sequence[Prediction], *, corpus: Path, catalog_digest: str, load: str) -> str:
    """The text of the page; `load` is its section on offered rates, which may be empty."""
    constants = files("tokonomics.physics").joinpath("data", "calibration.json").read_bytes()
    held_out = json.loads(CROSS_VALIDATION.read_text("utf-8"))
    return "\n".join(
        [
            "# Accuracy on published measurements\n",
            "<!-- Generated by `python -m tools.accuracy CORPUS.csv`; do not edit. -->\n",
            f"`tok accuracy {corpus.name}`: corpus `{_digest(corpus.read_bytes())}`,"
            f" catalogue `{catalog_digest[:_DIGEST_CHARS]}`, constants `{_digest(constants)}`.\n",
            "## Cross-validated\n",
            "By fits that had not seen the rows: `make calibrate` (`docs/cross_validation.json`).\n",
            cross_validated(held_out),
            "Peers, as published or measured by others on the same kind of rows:\n",
            _PEERS,
            "## What each kind of feature bought\n",
            "`python benchmarks/learning_curve.py CORPUS.csv`; each line adds to those before it. MdAPE.\n",
            learning_curve(_rows(CURVE)),
            "## What measurements of one's own buy\n",
            "`python benchmarks/own_points.py CORPUS.csv`: closed-loop groups left out of the fit, then shifted by"
            " points that are drawn from them.\n",
            own_points(_rows(OWN_POINTS)),
            *(("## Against offered rate\n", load) if load else ()),
            "## All rows\n",
            _CAUTION,
            render_md(accuracy_view(predictions, corpus.name)),
        ]
    )


def main(args: list[str]) -> int:
    """Write the page; return the exit code."""
    if len(args) != 1:
        print("usage: python -m tools.accuracy CORPUS.csv", file=sys.stderr)
        return 2
    corpus, catalog = Path(args[0]), load_catalog()
    try:
        rows = read_corpus(corpus)
        predictions = predict_with_intervals(rows, catalog)
    except TokonomicsError as error:
        print("\n".join(error.violations), file=sys.stderr)
        return error.exit_code
    load = offered_rate(predictions, rows, catalog, PAGE.parent)
    PAGE.write_text(page(predictions, corpus=corpus, catalog_digest=catalog.digest, load=load), encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:_DIGEST_CHARS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
