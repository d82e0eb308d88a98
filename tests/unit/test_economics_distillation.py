"""Students, teachers, and whether a distillation pays."""

import math
from dataclasses import replace

import pytest

from tokonomics.economics.quality.distillation import (
    Student,
    article_students,
    cheapest_student,
    known_tasks,
    price_students,
    suitability,
)
from tokonomics.economics.quality.distillation_roi import Distillation, distillation_roi, teacher_generation_usd
from tokonomics.errors import Infeasible, InputError, UnknownName

ROWS = price_students(article_students(), gpu_usd_per_hour=2.49)

PLAN = Distillation(
    num_samples=50_000,
    sample_input_tokens=0,
    sample_output_tokens=500,
    teacher_input_usd_per_mtok=2.5,
    teacher_output_usd_per_mtok=10.0,
    num_runs=3,
    training_gpu_hours=40,
    training_usd_per_hour=20.0,
    evaluation_usd=200.0,
    engineer_hours=80,
    engineer_usd_per_hour=63.91,
    volume_tokens_per_month=20e9,
    served_teacher_usd_per_mtok=0.25,
    served_student_usd_per_mtok=0.05,
)


def test_the_table_is_priced_and_compared_with_both_teachers() -> None:
    prices = [round(row.student_usd_per_mtok, 4) for row in ROWS]
    assert prices == pytest.approx([0.4550, 0.2470, 0.1330, 0.0706, 0.0477, 0.0216], abs=1e-4)
    ratios = {row.student.name: dict(row.cheaper_than_ratios) for row in ROWS}
    assert ratios["13b awq"]["70b fp16"] == pytest.approx(6.45, abs=0.005)
    assert ratios["7b awq"]["70b fp16"] == pytest.approx(9.54, abs=0.005)
    assert ratios["13b awq"]["70b awq"] == pytest.approx(3.5, abs=0.005)
    assert ratios["7b awq"]["70b awq"] == pytest.approx(5.18, abs=0.005)


def test_like_for_like_takes_the_teacher_of_the_same_precision() -> None:
    by_name = {row.student.name: row for row in ROWS}
    assert by_name["7b awq"].like_for_like_ratio == pytest.approx(5.18, abs=0.005)
    assert by_name["13b fp16"].like_for_like_ratio == pytest.approx(3.42, abs=0.005)
    only = price_students(
        [Student(name="a", precision="fp8", throughput_tokens_per_s=10, quality_frac=None)], gpu_usd_per_hour=1
    )
    assert only[0].like_for_like_ratio is None


def test_the_cheapest_at_a_quality_bar() -> None:
    assert cheapest_student(ROWS, min_quality_frac=0.85).student.name == "13b awq"
    assert cheapest_student(ROWS, min_quality_frac=0.9).student.name == "70b awq"
    assert cheapest_student(ROWS, min_quality_frac=0.0).student.name == "1.5b awq"
    with pytest.raises(Infeasible, match=r"the best reaches 0\.88"):
        cheapest_student(ROWS[2:], min_quality_frac=0.9)
    unmeasured = [replace(ROWS[0], student=replace(ROWS[0].student, quality_frac=None))]
    with pytest.raises(Infeasible, match="none has a measured quality"):
        cheapest_student(unmeasured, min_quality_frac=0.1)


def test_rows_that_physics_excludes_say_so() -> None:
    assert {row.student.name for row in ROWS if row.student.status == "impossible"} == {
        "70b fp16", "13b fp16", "13b awq",
    }  # fmt: skip


def test_suitability_names_what_is_missing() -> None:
    good = suitability(task_defined=True, output_constrained=True, inputs_known=True, task="json extraction")
    assert good.is_suitable
    assert good.retention == (0.90, 0.95)
    assert good.good_enough
    chat = suitability(task_defined=False, output_constrained=False, inputs_known=False, task="general chat")
    assert len(chat.missing) == 3
    assert chat.retention is None
    assert suitability(task_defined=True, output_constrained=True, inputs_known=True).good_enough is None
    with pytest.raises(UnknownName, match="sql generation"):
        suitability(task_defined=True, output_constrained=True, inputs_known=True, task="sql")
    assert "classification" in known_tasks()


def test_generation_of_the_recipe() -> None:
    assert teacher_generation_usd(PLAN) == pytest.approx(250.0)
    assert teacher_generation_usd(replace(PLAN, sample_input_tokens=1000)) == pytest.approx(375.0)


def test_terms_of_the_return() -> None:
    roi = distillation_roi(PLAN)
    assert roi.training_usd == pytest.approx(2400)
    assert roi.engineering_usd == pytest.approx(5112.8)
    assert roi.upfront_usd == pytest.approx(250 + 2400 + 200 + 5112.8)
    assert roi.gross_saving_usd_per_month == pytest.approx(4000)
    assert roi.net_saving_usd_per_month == pytest.approx(4000)
    assert roi.payback_months == pytest.approx(7962.8 / 4000)
    assert roi.horizon_gain_usd == pytest.approx(48_000 - 7962.8)
    assert roi.cheaper_ratio == pytest.approx(5.0)
    assert roi.break_even_tokens_per_month == 0


def test_retraining_and_deployment_eat_the_saving() -> None:
    plan = replace(
        PLAN, retraining_months=3, refresh_frac=0.5, retraining_engineer_hours=10, deployment_usd_per_month=1800
    )
    roi = distillation_roi(plan)
    assert roi.retraining_usd == pytest.approx(125 + 800 + 200 + 639.1)
    assert roi.upkeep_usd_per_month == pytest.approx(1800 + 1764.1 / 3)
    assert roi.net_saving_usd_per_month == pytest.approx(4000 - roi.upkeep_usd_per_month)
    volume = roi.break_even_tokens_per_month
    assert volume is not None
    again = distillation_roi(replace(plan, volume_tokens_per_month=volume))
    assert again.net_saving_usd_per_month == pytest.approx(0.0, abs=1e-9)
    assert again.payback_months is None


def test_a_dearer_student_never_pays() -> None:
    roi = distillation_roi(replace(PLAN, served_student_usd_per_mtok=0.30))
    assert roi.payback_months is None
    assert roi.break_even_tokens_per_month is None
    assert roi.horizon_gain_usd < 0


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        replace(PLAN, num_samples=0, evaluation_usd=-1, refresh_frac=2, retraining_months=0, engineer_hours=math.nan)
    assert len(caught.value.violations) == 5
    with pytest.raises(InputError, match="no student"):
        price_students([], gpu_usd_per_hour=1)
    with pytest.raises(InputError, match="horizon_months"):
        distillation_roi(PLAN, horizon_months=0)
