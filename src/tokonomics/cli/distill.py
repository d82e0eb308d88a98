"""`tok distill`: a smaller model that learns from a larger one, and when it earns back what it cost."""

from pathlib import Path
from typing import Any

import click

from tokonomics.cli.money_options import explain_option, key_values, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options

_RATE = {"gpu_usd_per_hour": "Price of one accelerator-hour that serves"}
_DATA = {
    "num_samples": "Return: samples that the teacher answers",
    "sample_input_tokens": "Return: tokens of a sample's prompt",
    "sample_output_tokens": "Return: tokens of a sample's answer",
    "teacher_input_usd_per_mtok": "Return: input price of the teacher of the samples  [GPT-4o of the article]",
    "teacher_output_usd_per_mtok": "Return: output price of the teacher of the samples  [GPT-4o of the article]",
    "num_runs": "Return: training runs until the first student",
    "training_gpu_hours": "Return: accelerator-hours of a run",
    "training_usd_per_hour": "Return: price of such an hour  [as --gpu-usd-per-hour of the article]",
    "evaluation_usd": "Return: evaluation of a student, USD",
    "engineer_hours": "Return: work on the first student",
}
_ENGINEER = {"engineer_usd_per_hour": "Return: price of an engineer's hour"}
_UPKEEP = {
    "deployment_usd_per_month": "Return: a separate deployment beyond its tokens  [0]",
    "retraining_months": "Return: months between retrainings  [never]",
    "refresh_frac": "Return: share of the samples made anew then  [1]",
    "retraining_engineer_hours": "Return: work on a retraining  [0]",
    "served_teacher_usd_per_mtok": "Return: price of the teacher that is replaced  [the table's]",
    "served_student_usd_per_mtok": "Return: price of the student  [the table's]",
}
_STUDENT_HELP = (
    "A model, as name=8b,tokens_per_s=9000,precision=fp8,quality=0.85; role=teacher for a teacher; may be repeated"
    "  [the article's six]."
)


@click.command()
@click.option("--student", "students", multiple=True, metavar="KEY=VALUE,...", help=_STUDENT_HELP)
@number_options(_RATE, topic="reference")
@click.option("--min-quality", type=click.FLOAT, metavar="N", help="Quality to keep, 0..1 of the teacher's.")
@click.option("--use-student", metavar="TEXT", help="Model of the table to ask about  [cheapest that keeps it].")
@click.option("--task", default="", metavar="TEXT", help="Task, such as 'json extraction', to judge.")
@click.option("--task-defined/--no-task-defined", default=None, help="The task is well defined.")
@click.option("--output-constrained/--no-output-constrained", default=None, help="A schema or labels bind the output.")
@click.option("--inputs-known/--no-inputs-known", default=None, help="Production inputs are collected.")
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV of an evaluation: task, student_score, teacher_score, 0 to 1.",
)
@number_options(_DATA)
@number_options(_ENGINEER, topic="hidden_costs")
@number_options(_UPKEEP)
@click.option(
    "--tokens-per-month", "volumes", multiple=True, type=click.FLOAT, metavar="N", help="Volume; may be repeated."
)
@click.option("--horizon-months", type=click.FLOAT, default=12.0, metavar="N", help="Months of the return  [12].")
@explain_option
@output_options
def distill(output: OutputOptions, explained: bool, stated: dict[str, float | None], **flags: Any) -> None:
    """Compare students with the teacher one would really run, and say when a distillation pays.

    Without flags it prices the article's table. Any figure of a return asks for all that it needs.
    """
    from tokonomics.economics.quality.distill_ask import DistillQuestion, ask_distill  # the tables load only when asked
    from tokonomics.economics.quality.distill_plan import PlanQuestion, is_asked
    from tokonomics.report.distill_view import distill_dict, distill_view
    from tokonomics.report.json import document

    rate = stated.pop("gpu_usd_per_hour")
    plan = PlanQuestion(stated=stated, volumes=flags["volumes"], horizon_months=flags["horizon_months"])
    question = DistillQuestion(
        gpu_usd_per_hour=rate,
        students=key_values(flags["students"], "--student"),
        student=flags["use_student"] or "",
        min_quality_frac=flags["min_quality"],
        task=flags["task"].strip().lower(),
        task_defined=flags["task_defined"],
        output_constrained=flags["output_constrained"],
        inputs_known=flags["inputs_known"],
        scores=flags["scores"],
        plan=plan if is_asked(stated, flags["volumes"]) else None,
    )
    told = ask_distill(question)
    emit(document("distill", distill_dict(told)), distill_view(told, explained=explained), output)
