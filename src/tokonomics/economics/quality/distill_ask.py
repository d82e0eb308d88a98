"""From the words of a user to a distillation: the table of students, whether the task suits, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokonomics.economics.figures.assumptions import read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Explanation, Term, unit_of
from tokonomics.economics.figures.inputs import AS_STATED, resolve_inputs
from tokonomics.economics.quality.distill_plan import Plan, PlanQuestion, Served, plan_problems, solve_plan
from tokonomics.economics.quality.distillation import (
    Student,
    StudentCost,
    Suitability,
    article_students,
    cheapest_student,
    known_tasks,
    price_students,
    suitability,
)
from tokonomics.economics.quality.retention import Retention, read_scores, retention
from tokonomics.errors import Infeasible, InputError, nearest_names, raise_all

Block = Mapping[str, float | str]

_STUDENT_KEYS: Final = {
    "name": "name",
    "precision": "precision",
    "tokens_per_s": "throughput_tokens_per_s",
    "quality": "quality_frac",
    "role": "role",
    "size_gb": "size_gb",
}
_TEXTS: Final = ("name", "precision", "role")
_ROLES: Final = ("student", "teacher")
_TABLE_SOURCE: Final = "article s7, 2025-Q1"


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillQuestion:
    """What the user says. No block means the article's table; a condition is None where the user does not say.

    `plan` is what a return needs; None asks for the table alone. `scores` is a file of an evaluation of both models.
    """

    gpu_usd_per_hour: float | None = None
    students: Sequence[Block] = ()
    student: str = ""
    min_quality_frac: float | None = None
    task: str = ""
    task_defined: bool | None = None
    output_constrained: bool | None = None
    inputs_known: bool | None = None
    plan: PlanQuestion | None = None
    scores: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillTold:
    """The answer. `chosen` is the model asked for, or the cheapest that reaches the bar (None: neither was asked).

    `teacher` is its like-for-like rival: of the same precision, else the cheapest teacher.
    """

    inputs: Mapping[str, Term]
    rows: tuple[StudentCost, ...]
    chosen: StudentCost | None
    teacher: StudentCost | None
    check: Suitability | None
    plan: Plan | None
    kept: tuple[Retention, ...]
    is_article: bool


def ask_distill(question: DistillQuestion) -> DistillTold:
    """Price students against their teacher, judge the task, and solve the plan where there is one.

    Raises: InputError with every violation and every figure that a plan lacks; Infeasible when no model reaches the
    bar, or when only a teacher does and a plan asks for a student.
    """
    _check(question)
    inputs = resolve_inputs("reference", {"gpu_usd_per_hour": question.gpu_usd_per_hour}, ["gpu_usd_per_hour"])
    students = _stated_students(question.students) if question.students else article_students()
    rows = price_students(students, gpu_usd_per_hour=float(inputs["gpu_usd_per_hour"].value))
    chosen = _chosen(rows, question)
    teacher = _like_for_like(rows, chosen) if chosen else None
    return DistillTold(
        inputs=inputs,
        rows=rows,
        chosen=chosen,
        teacher=teacher,
        check=_suitability(question),
        plan=_plan(question, chosen, teacher, float(inputs["gpu_usd_per_hour"].value)),
        kept=retention(read_scores(question.scores)) if question.scores else (),
        is_article=not question.students,
    )


def explain_distill(told: DistillTold) -> Explanation:
    """The price of the chosen student (else of the cheapest model), with its terms."""
    row = told.chosen or min(told.rows, key=lambda one: one.student_usd_per_mtok)
    rate, source = row.student.throughput_tokens_per_s, _TABLE_SOURCE if told.is_article else AS_STATED
    name = "throughput_tokens_per_s"
    return Explanation(
        number="student_usd_per_mtok",
        option=row.student.name,
        value=row.student_usd_per_mtok,
        unit="USD per M tokens",
        formula="USD/h / (tokens/s x 3600) x 1e6",
        terms=(*told.inputs.values(), Term(name, rate, unit_of(name), "assumed", source)),
    )


def _check(question: DistillQuestion) -> None:
    """Everything that is wrong before a price is computed, at once."""
    checks = Checks().positive(gpu_usd_per_hour=question.gpu_usd_per_hour)
    checks.fraction(min_quality_frac=question.min_quality_frac)
    problems = [*checks.violations, *_student_problems(question.students)]
    if question.task and question.task not in known_tasks():
        near = ", ".join(nearest_names(question.task, known_tasks()))
        problems.append(f"--task {question.task!r} is not in the table; nearest: {near}")
    if question.plan is not None:
        is_named = bool(question.student) or question.min_quality_frac is not None
        problems += plan_problems(question.plan, has_student=is_named)
    raise_all(problems)


def _student_problems(blocks: Sequence[Block]) -> list[str]:
    found = []
    for number, block in enumerate(blocks, start=1):
        where = f"--student {block.get('name', number)}"
        found += [
            f"{where}: unknown key {key}; known: {', '.join(_STUDENT_KEYS)}" for key in block.keys() - _STUDENT_KEYS
        ]
        found += [f"{where}: lacks {key}=; add it" for key in ("name", "tokens_per_s") if key not in block]
        found += [
            f"{where}: {key}={value!r} is no number"
            for key, value in block.items()
            if key in _STUDENT_KEYS and key not in _TEXTS and isinstance(value, str)
        ]
        if block.get("role", "student") not in _ROLES:
            found.append(f"{where}: role={block['role']}; write {' or '.join(_ROLES)}")
    names = [block["name"] for block in blocks if "name" in block]
    if len(set(names)) < len(names):
        found.append("--student: two models share a name; rename one")
    return found


def _stated_students(blocks: Sequence[Block]) -> tuple[Student, ...]:
    students, problems = [], list[str]()
    for block in blocks:
        fields = {_STUDENT_KEYS[key]: str(value) if key in _TEXTS else value for key, value in block.items()}
        try:
            students.append(Student(**{"precision": "", "quality_frac": None, **fields}))  # type: ignore[arg-type]
        except InputError as error:
            problems += [f"--student {block['name']}: {one}" for one in error.violations]
    raise_all(problems)
    return tuple(students)


def _chosen(rows: Sequence[StudentCost], question: DistillQuestion) -> StudentCost | None:
    if question.student:
        named = next((row for row in rows if row.student.name == question.student), None)
        if named is None:
            known = ", ".join(row.student.name for row in rows)
            raise InputError(f"--use-student {question.student!r} is not in the table; it has {known}")
        return named
    if question.min_quality_frac is None:
        return None
    return cheapest_student(rows, min_quality_frac=question.min_quality_frac)


def _like_for_like(rows: Sequence[StudentCost], chosen: StudentCost) -> StudentCost | None:
    """The teacher of the same precision, else the cheapest one."""
    teachers = [row for row in rows if row.student.role == "teacher"]
    alike = [row for row in teachers if row.student.precision == chosen.student.precision] or teachers
    return min(alike, key=lambda row: row.student_usd_per_mtok, default=None)


def _suitability(question: DistillQuestion) -> Suitability | None:
    """The check of the task; what the user does not say comes from the row of a known task, else counts as missing."""
    said = (question.task_defined, question.output_constrained, question.inputs_known)
    if not question.task and all(one is None for one in said):
        return None
    row = next((one for one in read_table("distillation_tasks") if one["task"] == question.task), {})
    defined = row.get("is_defined") == "yes" if said[0] is None else said[0]
    constrained = row.get("is_constrained") == "yes" if said[1] is None else said[1]
    return suitability(
        task_defined=defined, output_constrained=constrained, inputs_known=bool(said[2]), task=question.task
    )


def _plan(
    question: DistillQuestion, chosen: StudentCost | None, teacher: StudentCost | None, gpu_usd_per_hour: float
) -> Plan | None:
    if question.plan is None or chosen is None:
        return None
    if chosen.student.role == "teacher":
        raise Infeasible(
            f"only a teacher reaches the bar ({chosen.student.name}, {chosen.student_usd_per_mtok:.3g} USD per M"
            " tokens): serve it as it is, or lower --min-quality to allow a student"
        )
    student, rival = (_served(row, gpu_usd_per_hour) if row else None for row in (chosen, teacher))
    assert student is not None  # chosen was checked above
    return solve_plan(question.plan, student=student, teacher=rival)


def _served(row: StudentCost, gpu_usd_per_hour: float) -> Served:
    return Served(
        full_usd_per_mtok=row.student_usd_per_mtok,
        rate_tokens_per_s=row.student.throughput_tokens_per_s,
        gpu_usd_per_hour=gpu_usd_per_hour,
    )
