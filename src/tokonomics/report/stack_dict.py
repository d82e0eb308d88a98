"""The optimisation stack as programs read it: the question, the waterfall, the levers and every assumption."""

from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.ranges import ends_dict, ends_of
from tokonomics.economics.optimisation.cross_test import Contender
from tokonomics.economics.optimisation.stack import Stack, StackRow
from tokonomics.economics.optimisation.stack_ask import StackAnswer, StackQuestion, explain_stack
from tokonomics.economics.optimisation.stack_outcome import Outcome
from tokonomics.report.explained import inputs_dict
from tokonomics.report.frontier_dict import cost_dict, price_dict
from tokonomics.report.ranges import cost_range_dict
from tokonomics.report.stack_notes import step_note


def stack_dict(answer: StackAnswer, question: StackQuestion) -> dict[str, Any]:
    """The body of the document, the question echoed."""
    one, cross, told = answer.stack, answer.cross, explain_stack(answer)
    return {
        "question": asdict(question),
        "num_gpus": one.served.num_gpus,
        "price": price_dict(answer.price),
        "tail_percentile": one.tail_percentile,
        "slo": str(one.slo),
        "total_factor": one.total_factor,
        "steps": [_row_dict(one, row) for row in one.rows],
        "levers": [asdict(gain) for gain in one.levers],
        "largest_lever": one.largest_lever.lever if one.largest_lever else None,
        "cross_test": {
            "first": _contender_dict(cross.first),
            "second": _contender_dict(cross.second),
            "engine_ratio": cross.engine_ratio,
            "bound_ratio": cross.bound_ratio,
            "cheaper": cross.cheaper.name if cross.cheaper else None,
        },
        "format_change": asdict(answer.change),
        "format_gains": [asdict(gain) for gain in answer.gains],
        "assumptions": inputs_dict(one.assumed),
        "explanation": told.to_dict() if told else None,
    }


def _row_dict(one: Stack, row: StackRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "lever": row.lever,
        "status": row.status,
        "note": step_note(one, row),
        "setup": asdict(row.setup),
        "outcome": _outcome_dict(row.outcome) if row.outcome else None,
        "step_factor": row.step_factor,
        "cumulative_factor": row.cumulative_factor,
        "log_frac": row.log_frac,
    }


def _outcome_dict(told: Outcome) -> dict[str, Any]:
    box = told.replica.box
    return {
        "batch": told.batch,
        "max_batch": told.replica.max_batch,
        "output_tokens_per_s": told.output_tokens_per_s,
        "mean_itl_s": told.mean_itl_s,
        "tail_itl_s": told.tail_itl_s,
        "longest_step_s": told.longest_step_s,
        **_ranges_dict(told),
        "cost": cost_dict(told.cost),
        "cost_range": cost_range_dict(told.cost, told.rate_sd_log),
        "slo_probability": told.slo_probability,
        "accepted_tokens": told.accepted_tokens,
        "speculation_pays_to": told.speculation_pays_to,
        "fails": list(told.fails),
        "weight_bytes": box.weight_bytes,
        "activation_bytes": box.activation_bytes,
        "kv_room_bytes": box.kv_room_bytes,
        "kv_sequence_bytes": float(box.kv.sequence_bytes(told.replica.load.shape.context_tokens)),
    }


def _ranges_dict(told: Outcome) -> dict[str, Any]:
    return {
        "output_tokens_per_s_range": ends_dict(ends_of(told.output_tokens_per_s, told.rate_sd_log)),
        "mean_itl_s_range": ends_dict(ends_of(told.mean_itl_s, told.itl_sd_log)),
        "tail_itl_s_range": ends_dict(ends_of(told.tail_itl_s, told.itl_sd_log)),
    }


def _contender_dict(one: Contender) -> dict[str, Any]:
    rate, sd = one.gpu_tokens_per_s, one.rate_sd_log
    return {
        "name": one.name,
        "precision": one.precision,
        "batch": one.batch,
        "num_gpus": one.deployment.num_gpus if one.deployment else None,
        "gpu_tokens_per_s": rate,
        "gpu_tokens_per_s_range": None if rate is None or sd is None else ends_dict(ends_of(rate, sd)),
        "gpu_bound_tokens_per_s": one.gpu_bound_tokens_per_s,
    }
