"""What fits, as people see it: one memory box drawn, or a table of the smallest layouts that hold the model."""

from collections.abc import Sequence
from typing import Any

from tokonomics.physics.fit import Fit
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.numbers import significant
from tokonomics.report.view import Column, Table, View
from tokonomics.units import GB

_COLUMNS = (
    Column(title="GPUs", key="num_gpus", style="count"),
    Column(title="accelerator"),
    Column(title="precision", priority=3),
    Column(title="weights", key="weight_bytes", unit="GB/GPU", style="gb", priority=1),
    Column(title="KV room", key="kv_room_bytes", unit="GB/GPU", style="gb", priority=2),
    Column(title="max batch", key="max_batch", style="count"),
    Column(title="max context", key="max_context_tokens", unit="tokens, batch 1", style="count"),
    Column(title="binds"),
)


def fit_dict(one: Fit) -> dict[str, Any]:
    """One layout as a row of the fit document; bytes are those of one accelerator."""
    dep, box = one.deployment, one.box
    return {
        "model": dep.model.id,
        "accelerator": dep.accelerator.id,
        "precision": dep.precision.id,
        "num_gpus": dep.num_gpus,
        "fits": one.max_batch >= 1,
        "memory_bytes": box.memory_bytes,
        "usable_bytes": box.usable_bytes,
        "weight_bytes": box.weight_bytes,
        "activation_bytes": box.activation_bytes,
        "kv_room_bytes": box.kv_room_bytes,
        "kv_sequence_bytes": one.kv_sequence_bytes,
        "context_tokens": one.context_tokens,
        "max_batch": one.max_batch,
        "max_context_tokens": one.max_context_tokens,
        "binds": one.binds,
    }


def box_view(one: Fit) -> View:
    """Draw the memory of one accelerator of the replica: weights, activations, KV of the batch, and what is free."""
    box, dep = one.box, one.deployment
    kv = one.max_batch * one.kv_sequence_bytes
    parts = {
        "weights": box.weight_bytes,
        "activations": box.activation_bytes,
        f"KV, {one.max_batch} x {one.context_tokens:,.0f} tokens": kv,
        "free": max(box.kv_room_bytes - kv, 0.0),
        "kept for the runtime": box.memory_bytes - box.usable_bytes,
    }
    bars = [
        Bar(label=label, share_frac=size / box.memory_bytes, text=f"{significant(size / GB)} GB")
        for label, size in parts.items()
    ]
    headline = (
        f"{dep.model.id} {dep.precision.id} on {dep.num_gpus} x {dep.accelerator.id}: {one.max_batch:,} sequences of"
        f" {one.context_tokens:,.0f} tokens at once; one sequence may have {one.max_context_tokens:,} tokens;"
        f" {one.binds} binds"
    )
    title = f"memory of each {dep.accelerator.id}, {significant(box.memory_bytes / GB)} GB"
    return View(headline=(headline,), tables=(fits_table([one]),), charts=(Bars(title=title, bars=bars),))


def fits_view(model: str, fits: Sequence[Fit], left_out: Sequence[str], *, context_tokens: float) -> View:
    """List the smallest layout on every accelerator that holds the model."""
    notes = (f"{len(left_out)} accelerators hold it on no layout, or lack a fact; --json says why for each",)
    return View(
        headline=(f"{model} at {context_tokens:,.0f} tokens a sequence: the smallest layout on each accelerator",),
        tables=(fits_table(fits),),
        notes=notes if left_out else (),
    )


def fits_table(fits: Sequence[Fit]) -> Table:
    """The rows of both views."""
    rows = [
        (
            one.deployment.num_gpus,
            one.deployment.accelerator.id,
            one.deployment.precision.id,
            one.box.weight_bytes,
            one.box.kv_room_bytes,
            one.max_batch,
            one.max_context_tokens,
            one.binds,
        )
        for one in fits
    ]
    return Table(columns=_COLUMNS, rows=rows)
