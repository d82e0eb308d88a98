"""A distillation as people read it: students beside teachers, whether the task suits, and what it returns."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.inputs import input_sentences
from tokonomics.economics.quality.distill_ask import DistillTold, explain_distill
from tokonomics.economics.quality.distill_plan import Plan, explain_plan
from tokonomics.economics.quality.distillation import StudentCost, Suitability
from tokonomics.economics.quality.distillation_roi import DistillationRoi
from tokonomics.report.explained import explained_table, inputs_dict
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Column, Table, View
from tokonomics.units import MTOK

_MODEL_COLUMNS = (
    Column(title="model"),
    Column(title="precision", missing="unstated"),
    Column(title="role", priority=1),
    Column(title="size", key="size_gb", unit="GB", style="number", priority=2),
    Column(title="rate", key="throughput_tokens_per_s", unit="tokens/s", style="number"),
    Column(title="price", key="student_usd_per_mtok", unit="USD/M", style="number"),
    Column(title="quality", key="quality_frac", style="percent", missing="unmeasured"),
    Column(title="cheaper", key="like_for_like_ratio", unit="like for like", style="number"),
)
_PHYSICS = Column(title="physics", key="status")
_RETURN_COLUMNS = (
    Column(title="tokens/month", key="volume_tokens_per_month", style="number"),
    Column(title="saves", key="gross_saving_usd_per_month", unit="USD/month", style="number"),
    Column(title="upkeep", key="upkeep_usd_per_month", unit="USD/month", style="number"),
    Column(title="net", key="net_saving_usd_per_month", unit="USD/month", style="number"),
    Column(title="net, whole", key="whole_net_usd_per_month", unit="GPUs", style="number"),
    Column(title="pays back", key="payback_months", unit="months", style="number", missing="never"),
    Column(title="gain", key="horizon_gain_usd", unit="USD", style="number"),
    Column(title="per USD upfront", key="horizon_ratio", style="number"),
)
_KEPT_COLUMNS = (
    Column(title="task"),
    Column(title="items", key="num_items", style="count"),
    Column(title="student", key="student_mean_frac", style="number"),
    Column(title="teacher", key="teacher_mean_frac", style="number"),
    Column(title="kept", key="kept_frac", style="percent"),
    Column(title="from", key="low_frac", unit="95 %", style="percent"),
    Column(title="to", key="high_frac", unit="95 %", style="percent"),
)
_COST_COLUMNS = (Column(title="once"), Column(title="cost", key="cost_usd", unit="USD", style="number", digits=4))


def distill_dict(told: DistillTold) -> dict[str, Any]:
    """The body of the document."""
    return {
        "inputs": inputs_dict(told.inputs),
        "students": [_row_dict(row) for row in told.rows],
        "chosen": told.chosen.student.name if told.chosen else None,
        "teacher": told.teacher.student.name if told.teacher else None,
        "suitability": asdict(told.check) if told.check else None,
        "retention": [asdict(one) for one in told.kept],
        "plan": _plan_dict(told.plan) if told.plan else None,
        "explanation": (explain_plan(told.plan) if told.plan else explain_distill(told)).to_dict(),
    }


def distill_view(told: DistillTold, *, explained: bool = False) -> View:
    """Lay out the answer; `explained` adds formulas with their terms."""
    tables = [_models(told)]
    if told.kept:
        tables.append(_kept(told))
    if told.plan:
        tables += [_returns(told.plan), _once(told.plan.returns[0])]
    if explained:
        tables.append(explained_table(explain_distill(told)))
        tables += [explained_table(explain_plan(told.plan))] if told.plan else []
    return View(headline=tuple(_headline(told)), tables=tables, notes=tuple(_notes(told)))


def _headline(told: DistillTold) -> Iterator[str]:
    if told.chosen is None:
        ratios = [row.like_for_like_ratio for row in told.rows if row.student.role != "teacher"]
        known = [one for one in ratios if one is not None]
        span = f"{significant(min(known))} to {significant(max(known))} times cheaper" if known else "no teacher"
        yield f"STUDENTS  {span} than the teacher of their precision; give --min-quality to choose one"
    else:
        yield f"STUDENT   {_chosen(told)}"
    if told.check is not None:
        yield f"TASK      {_task(told.check)}"
    if told.plan is not None:
        for volume, one in zip(told.plan.volumes_tokens_per_month, told.plan.returns):
            yield f"RETURN    {_return(volume, one, told.plan.horizon_months)}"


def _chosen(told: DistillTold) -> str:
    row, teacher = told.chosen, told.teacher
    assert row is not None  # the caller asks only where there is one
    quality = "unmeasured quality" if row.student.quality_frac is None else percent(row.student.quality_frac)
    doubt = f" ({row.student.status} at its stated rate)" if row.student.status else ""
    text = f"{row.student.name}{doubt}: {significant(row.student_usd_per_mtok)} USD per M tokens at {quality}"
    if teacher is None or row.like_for_like_ratio is None:
        return text
    if row.student.role == "teacher":
        return f"{text}; a teacher as it is, so there is nothing to distil"
    return f"{text}, {significant(row.like_for_like_ratio)} times cheaper than {teacher.student.name}"


def _task(check: Suitability) -> str:
    name = check.task or "the task"
    kept = ""
    if check.retention:
        low, high = check.retention
        kept = f"; its source expects {percent(low)} to {percent(high)} of the teacher's quality"
    return f"{name} {'suits' if check.is_suitable else 'does not suit yet'}{kept}"


def _return(volume: float, one: DistillationRoi, horizon_months: float) -> str:
    at = f"{significant(volume / MTOK)} M tokens/month:"
    if one.payback_months is None:
        return f"{at} never pays back; after upkeep it loses {_usd(-one.net_saving_usd_per_month)} USD a month"
    gain = f"{_usd(one.horizon_gain_usd)} USD after {significant(horizon_months)} months"
    return f"{at} {_usd(one.upfront_usd)} USD upfront, back in {significant(one.payback_months)} months, {gain}"


def _models(told: DistillTold) -> Table:
    teachers = [name for name, _ in told.rows[0].cheaper_than_ratios]
    more = tuple(
        Column(title="cheaper", key=f"cheaper_than_{_key(name)}_ratio", unit=name, style="number", priority=1)
        for name in teachers
    )
    rows = [
        (
            row.student.name,
            row.student.precision,
            row.student.role,
            row.student.size_gb,
            row.student.throughput_tokens_per_s,
            row.student_usd_per_mtok,
            row.student.quality_frac,
            row.like_for_like_ratio,
            *(ratio for _, ratio in row.cheaper_than_ratios),
            row.student.status,
        )
        for row in told.rows
    ]
    return Table(columns=(*_MODEL_COLUMNS, *more, _PHYSICS), rows=rows)


def _kept(told: DistillTold) -> Table:
    rows = [
        (
            one.task,
            one.num_items,
            one.student_mean_frac,
            one.teacher_mean_frac,
            one.kept_frac,
            one.low_frac,
            one.high_frac,
        )
        for one in told.kept
    ]
    return Table(title="Quality that is kept, measured", columns=_KEPT_COLUMNS, rows=rows)


def _returns(plan: Plan) -> Table:
    rows = [
        (
            volume,
            one.gross_saving_usd_per_month,
            one.upkeep_usd_per_month,
            one.net_saving_usd_per_month,
            whole,
            one.payback_months,
            one.horizon_gain_usd,
            one.horizon_ratio,
        )
        for volume, one, whole in zip(plan.volumes_tokens_per_month, plan.returns, plan.whole_net_usd_per_month)
    ]
    title = f"Return over {significant(plan.horizon_months)} months"
    return Table(title=title, columns=_RETURN_COLUMNS, rows=rows)


def _once(one: DistillationRoi) -> Table:
    rows = [
        ("teacher's answers", one.generation_usd),
        ("training runs", one.training_usd),
        ("evaluation", one.evaluation_usd),
        ("engineering", one.engineering_usd),
        ("upfront", one.upfront_usd),
        ("a retraining", one.retraining_usd or None),
    ]
    return Table(title="What it costs", columns=_COST_COLUMNS, rows=rows)


def _notes(told: DistillTold) -> Iterator[str]:
    if told.check is not None and told.check.missing:
        yield f"before you distil: {'; '.join(told.check.missing)}"
    if told.is_article:
        yield "models, rates and qualities: the article s7, 2025-Q1 (assumed); measure quality on your own task"
        for row in told.rows:
            if row.student.status:
                yield f"{row.student.name} is {row.student.status}: {row.student.notes}"
    if told.plan is None:
        yield "the price leaves out making the student; give --num-samples and the like for the return"
    else:
        yield from _plan_notes(told.plan)
    yield from input_sentences(told.inputs)


def _plan_notes(plan: Plan) -> Iterator[str]:
    break_even = plan.returns[0].break_even_tokens_per_month
    if break_even is None:
        yield "the student is no cheaper than the teacher, so no volume pays for it"
    elif break_even:
        yield f"upkeep alone is covered from {significant(break_even / MTOK)} M tokens a month"
    yield "payback and gain price full accelerators; whole GPUs are what the volume pays for around the clock"
    if any(whole is not None and whole <= 0 < one.net_saving_usd_per_month for whole, one in _both(plan)):
        yield "at a volume above, as few accelerators carry the teacher as the student: there the student saves nothing"
    if "retraining_months" not in plan.inputs:
        yield "no retraining is counted, so the return is an upper bound; give --retraining-months"
    yield from input_sentences(plan.inputs)


def _both(plan: Plan) -> Iterator[tuple[float | None, DistillationRoi]]:
    yield from zip(plan.whole_net_usd_per_month, plan.returns)


def _plan_dict(plan: Plan) -> dict[str, Any]:
    return {
        "inputs": inputs_dict(plan.inputs),
        "horizon_months": plan.horizon_months,
        "returns": [
            {"volume_tokens_per_month": volume, **asdict(one), "whole_net_usd_per_month": whole}
            for volume, one, whole in zip(plan.volumes_tokens_per_month, plan.returns, plan.whole_net_usd_per_month)
        ],
    }


def _row_dict(row: StudentCost) -> dict[str, Any]:
    return {
        **asdict(row.student),
        "student_usd_per_mtok": row.student_usd_per_mtok,
        "like_for_like_ratio": row.like_for_like_ratio,
        "cheaper_than_ratios": dict(row.cheaper_than_ratios),
    }


def _key(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def _usd(value: float) -> str:
    return significant(value)
