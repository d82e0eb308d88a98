"""A comparison as programs read it: both sides, what changed, and the path that attributes it."""

from typing import Any

from tokonomics.planning.diff import Diff
from tokonomics.planning.outcome import Outcome, changes, is_same
from tokonomics.planning.subject import Subject
from tokonomics.planning.switching import Path, Step


def diff_dict(diff: Diff) -> dict[str, Any]:
    """The body of the document; what is not known is null."""
    return {
        "before": side_dict(diff.before, diff.old),
        "after": side_dict(diff.after, diff.new),
        "is_same": is_same(diff.old, diff.new),
        "changes": diff.changes(),
        "attribution": None if diff.path is None else _path_dict(diff, diff.path),
        "notes": list(diff.notes),
    }


def side_dict(subject: Subject, outcome: Outcome) -> dict[str, Any]:
    """One side: what it is, what it states, and what it asked."""
    return {
        "name": subject.name,
        "kind": subject.kind,
        "option": outcome.option,
        "freshness": outcome.freshness,
        "figures": outcome.figures(),
        "facts": dict(subject.facts),
        "scenario": None if subject.scenario is None else subject.scenario.to_dict(),
    }


def _path_dict(diff: Diff, path: Path) -> dict[str, Any]:
    return {
        "order": [key for step in path.steps for key in step.keys],
        "start": {"option": path.start.option, "figures": path.start.figures()},
        "steps": [_step_dict(path, step, rise) for step, rise in zip(path.steps, diff.steps(), strict=True)],
        "residuals": diff.residuals(),
        "interactions": diff.interactions(),
    }


def _step_dict(path: Path, step: Step, rise: dict[str, float | None]) -> dict[str, Any]:
    return {
        "inputs": list(step.keys),
        "before": step.before,
        "after": step.after,
        "changes": rise,
        "alone": None if step.alone is None else changes(path.start, step.alone),
        "option": step.outcome.option,
        "figures": step.outcome.figures(),
    }
