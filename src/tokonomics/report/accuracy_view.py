"""Accuracy, as people and programs see it: overall, by group, the worst groups, and what was not predicted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tokonomics.measure.accuracy import GroupScore, Score, group_scores, judged, scores, worst_groups
from tokonomics.measure.gaps import Gap, gaps
from tokonomics.measure.predict import Prediction
from tokonomics.report.view import Cell, Column, Table, View

IN_SAMPLE = (
    "rows that the constants were fitted to are judged in sample; docs/accuracy.md has the cross-validated figures"
)
_SHOWN_GROUPINGS = ("mode", "engine", "precision")
_NUM_REASONS = 12
_SCORE_COLUMNS = (
    Column(title="metric"),
    Column(title="rows", style="count"),
    Column(title="predicted", style="percent"),
    Column(title="of known", key="predicted_of_known", style="percent", priority=2),
    Column(title="MdAPE", key="mdape", style="percent"),
    Column(title="P90 APE", key="p90ape", style="percent", priority=1),
    Column(title="bias", style="percent", priority=1),
    Column(title="in 10-90", key="coverage_10_90", style="percent", priority=3),
)


def accuracy_dict(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The body of the accuracy document; shares are fractions of 1."""
    kept = judged(predictions)
    return {
        "num_rows": len(predictions),
        "num_excluded": len(predictions) - len(kept),
        "overall": [_score_dict(score) for score in scores(kept)],
        "groups": [_group_dict(group) for group in group_scores(predictions)],
        "worst": [_group_dict(group) for group in worst_groups(predictions)],
        "unpredicted": [_gap_dict(gap) for gap in gaps(predictions)],
        "notes": [IN_SAMPLE],
    }


def accuracy_view(predictions: Sequence[Prediction], name: str) -> View:
    """Overall scores, the breakdowns that say most, the worst groups, and why rows have no prediction."""
    kept, groups = judged(predictions), group_scores(predictions)
    headline = (
        f"{name}: {len(predictions):,} measurements; {len(predictions) - len(kept):,} are excluded by their notes and"
        " only shown by exclusion",
    )
    tables = [Table(columns=_SCORE_COLUMNS, rows=[_cells(score) for score in scores(kept)])]
    tables += [_group_table(by, f"by {by}", groups) for by in (*_SHOWN_GROUPINGS, "exclusion")]
    tables.append(_group_table("case", "worst groups of 10 rows and more", worst_groups(predictions)))
    tables.append(reason_table(gaps(predictions)))
    return View(headline=headline, tables=[table for table in tables if table.rows], notes=(IN_SAMPLE,))


def reason_table(found: Iterable[Gap]) -> Table:
    """The commonest reasons why a measured value has no prediction."""
    counts = Counter(gap.reason for gap in found).most_common()
    rows: list[tuple[Cell, ...]] = [(number, reason) for reason, number in counts[:_NUM_REASONS]]
    if counts[_NUM_REASONS:]:
        rows.append((sum(number for _, number in counts[_NUM_REASONS:]), "other reasons; --json lists every row"))
    columns = (Column(title="values", style="count"), Column(title="reason"))
    return Table(columns=columns, rows=rows, title="measured values without a prediction")


def _group_table(by: str, title: str, groups: Iterable[GroupScore]) -> Table:
    rows = [(group.value, *_cells(group.score)) for group in groups if group.by == by]
    return Table(columns=(Column(title=by), *_SCORE_COLUMNS), rows=rows, title=title)


def _cells(score: Score) -> tuple[Cell, ...]:
    return (
        score.metric,
        score.num_rows,
        score.predicted_frac,
        score.predicted_of_known_frac,
        score.mdape_frac,
        score.p90ape_frac,
        score.bias_frac,
        score.coverage_10_90_frac,
    )


def _score_dict(score: Score) -> dict[str, Any]:
    return {
        "metric": score.metric,
        "rows": score.num_rows,
        "known_rows": score.num_known,
        "predicted_rows": score.num_predicted,
        "predicted": score.predicted_frac,
        "predicted_of_known": score.predicted_of_known_frac,
        "mdape": score.mdape_frac,
        "p90ape": score.p90ape_frac,
        "bias": score.bias_frac,
        "coverage_10_90": score.coverage_10_90_frac,
    }


def _group_dict(group: GroupScore) -> dict[str, Any]:
    return {"by": group.by, "value": group.value, **_score_dict(group.score)}


def _gap_dict(gap: Gap) -> dict[str, Any]:
    return {"line": gap.line, "source_id": gap.source_id, "metric": gap.metric, "reason": gap.reason}
