"""Students against their teacher: what their tokens cost, what quality remains, and whether a task suits.

A student is compared with the teacher one would really run: the quantised one, at equal serving optimisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import number_or_none, read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import Infeasible, UnknownName
from tokonomics.units import usd_per_mtok


@dataclass(frozen=True, kw_only=True, slots=True)
class Student:
    """A model that may serve the task: its rate on one accelerator and its quality relative to the teacher.

    `status` marks rows that physics doubts (`doubtful`) or excludes (`impossible`); quality is None if
    unmeasured.
    """

    name: str
    precision: str
    throughput_tokens_per_s: float
    quality_frac: float | None
    role: str = "student"
    size_gb: float | None = None
    status: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        checks = Checks().positive(throughput_tokens_per_s=self.throughput_tokens_per_s, size_gb=self.size_gb)
        checks.fraction(quality_frac=self.quality_frac).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class StudentCost:
    """A student priced: USD per million tokens, and how many times cheaper than each teacher it is.

    `cheaper_than_ratios` pairs a teacher with the ratio; `like_for_like_ratio` is the one for the teacher of
    the same precision, else for the cheapest teacher; None without a teacher.
    """

    student: Student
    student_usd_per_mtok: float
    cheaper_than_ratios: tuple[tuple[str, float], ...]
    like_for_like_ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Suitability:
    """The three conditions of a distillation that works, with what is missing and what a source expects to keep."""

    task: str
    is_suitable: bool
    missing: tuple[str, ...]
    retention: tuple[float, float] | None
    good_enough: bool | None


def article_students() -> tuple[Student, ...]:
    """The article's table of section 7, each row with what physics says of it."""
    return tuple(
        Student(
            name=row["name"],
            precision=row["precision"],
            throughput_tokens_per_s=float(row["throughput_tokens_per_s"]),
            quality_frac=number_or_none(row["quality_frac"]),
            role=row["role"],
            size_gb=number_or_none(row["size_gb"]),
            status=row["status"],
            notes=row["notes"],
        )
        for row in read_table("students")
    )


def price_students(students: Sequence[Student], *, gpu_usd_per_hour: float) -> tuple[StudentCost, ...]:
    """Price every model at an hourly rate and compare it with every teacher among them, in the order given.

    Source: the article, section 7: a 7B is 9.5 times cheaper than the FP16 teacher, 5.2 times than the
    quantised.

    >>> rows = price_students(article_students(), gpu_usd_per_hour=2.49)
    >>> [(name, round(ratio, 1)) for name, ratio in rows[4].cheaper_than_ratios]
    [('70b fp16', 9.5), ('70b awq', 5.2)]
    """
    checks = Checks().positive(gpu_usd_per_hour=gpu_usd_per_hour)
    checks.that(len(students) > 0, "no student to price; give at least one").done()
    costs = {each.name: usd_per_mtok(gpu_usd_per_hour, each.throughput_tokens_per_s) for each in students}
    teachers = [each for each in students if each.role == "teacher"]
    return tuple(_price(each, teachers, costs) for each in students)


def cheapest_student(rows: Sequence[StudentCost], *, min_quality_frac: float) -> StudentCost:
    """The cheapest model whose measured quality reaches the bar.

    Raises: Infeasible with the best quality on offer, when none does.
    """
    Checks().fraction(min_quality_frac=min_quality_frac).done()
    rated = [row for row in rows if row.student.quality_frac is not None]
    good = [row for row in rated if (row.student.quality_frac or 0.0) >= min_quality_frac]
    if not good:
        best = max((row.student.quality_frac or 0.0 for row in rated), default=None)
        offer = "none has a measured quality" if best is None else f"the best reaches {best:g}"
        raise Infeasible(f"no model reaches min_quality_frac={min_quality_frac:g}; {offer}; lower the bar or measure")
    return min(good, key=lambda row: (row.student_usd_per_mtok, row.student.name))


def known_tasks() -> tuple[str, ...]:
    """The tasks with a row in the suitability table."""
    return tuple(row["task"] for row in read_table("distillation_tasks"))


def suitability(*, task_defined: bool, output_constrained: bool, inputs_known: bool, task: str = "") -> Suitability:
    """Check the three conditions; a known `task` also brings the retention its source expects.

    Raises: UnknownName for a task that has no row.

    >>> check = suitability(task_defined=True, output_constrained=True, inputs_known=False, task="sql generation")
    >>> check.is_suitable, check.retention
    (False, (0.9, 0.95))
    """
    conditions = {
        "define the task: a general purpose keeps less quality": task_defined,
        "constrain the output: a schema or a set of labels": output_constrained,
        "collect production inputs: generic data transfers badly": inputs_known,
    }
    missing = tuple(advice for advice, holds in conditions.items() if not holds)
    retention, good_enough = _task_row(task) if task else (None, None)
    return Suitability(
        task=task,
        is_suitable=not missing,
        missing=missing,
        retention=retention,
        good_enough=good_enough,
    )


def _task_row(task: str) -> tuple[tuple[float, float] | None, bool]:
    rows = {row["task"]: row for row in read_table("distillation_tasks")}
    if task not in rows:
        raise UnknownName("task", task, list(rows))
    low, high = (number_or_none(rows[task][f"retention_{end}_frac"]) for end in ("low", "high"))
    return None if low is None or high is None else (low, high), rows[task]["good_enough"] == "yes"


def _price(student: Student, teachers: Sequence[Student], costs: dict[str, float]) -> StudentCost:
    own = costs[student.name]
    return StudentCost(
        student=student,
        student_usd_per_mtok=own,
        cheaper_than_ratios=tuple((each.name, costs[each.name] / own) for each in teachers),
        like_for_like_ratio=_like_for_like(student, teachers, costs),
    )


def _like_for_like(student: Student, teachers: Sequence[Student], costs: dict[str, float]) -> float | None:
    if not teachers:
        return None
    alike = [each for each in teachers if each.precision == student.precision] or list(teachers)
    return min(costs[each.name] for each in alike) / costs[student.name]
