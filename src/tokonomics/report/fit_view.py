"""What fits, as people see it: one memory box drawn, or a table of the smallest layouts that hold the model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tokonomics.physics.fit import Fit
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.numbers import significant
from tokonomics.report.view import Cell, Column, Table, View
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
        "num_sequences": one.num_sequences,
        "num_replicas": one.num_replicas,
        "num_gpus_in_all": one.num_gpus,
        "shared_context_tokens": one.shared_context_tokens,
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
        f" {one.context_tokens:,.0f} tokens at once; one sequence may have {one.max_context_tokens:,} tokens"
        f"{_own_limit(one)}; {one.binds} binds"
    )
    title = f"memory of each {dep.accelerator.id}, {significant(box.memory_bytes / GB)} GB"
    told = (headline, _wanted(one)) if one.num_sequences > 1 else (headline,)
    return View(headline=told, tables=(fits_table([one]),), charts=(Bars(title=title, bars=bars),))


def _own_limit(one: Fit) -> str:
    """The context that the model is made for, where memory would hold a longer one."""
    limit = one.deployment.model.max_context_tokens
    return f" by memory, {limit:,} by the model" if limit is not None and limit < one.max_context_tokens else ""


def _wanted(one: Fit) -> str:
    """What the wanted sequences need, and how long each may be on one replica."""
    held = f"up to {one.shared_context_tokens:,} tokens each" if one.shared_context_tokens else "not at any length"
    return (
        f"{one.num_sequences:,} sequences of {one.context_tokens:,.0f} tokens at once: {one.num_replicas} replicas,"
        f" {one.num_gpus} x {one.deployment.accelerator.id}; on one replica {held}"
    )


def fits_view(model: str, fits: Sequence[Fit], left_out: Sequence[str], *, context_tokens: float) -> View:
    """List the smallest layout on every accelerator that holds the model."""
    notes = (f"{len(left_out)} accelerators hold it on no layout, or lack a fact; --json says why for each",)
    wanted = max((one.num_sequences for one in fits), default=1)
    what = "the smallest layout" if wanted == 1 else f"the fewest that hold {wanted:,} at once"
    return View(
        headline=(f"{model} at {context_tokens:,.0f} tokens a sequence: {what} on each accelerator",),
        tables=(fits_table(fits),),
        notes=notes if left_out else (),
    )


def fits_table(fits: Sequence[Fit]) -> Table:
    """The rows of both views."""
    is_many = any(one.num_sequences > 1 for one in fits)
    rows: list[tuple[Cell, ...]] = [
        (
            *((one.num_gpus, one.num_replicas) if is_many else ()),
            one.deployment.num_gpus,
            one.deployment.accelerator.id,
            one.deployment.precision.id,
            one.box.weight_bytes,
            one.box.kv_room_bytes,
            one.max_batch,
            one.max_context_tokens,
            *((one.shared_context_tokens,) if is_many else ()),
            one.binds,
        )
        for one in fits
    ]
    return Table(columns=_many_columns(fits[0].num_sequences) if is_many else _COLUMNS, rows=rows)


def _many_columns(num_sequences: int) -> tuple[Column, ...]:
    """The columns where many sequences are wanted at once: what all need first, and the context they could share."""
    in_all = Column(title="GPUs", key="num_gpus_in_all", unit="in all", style="count")
    replicas = Column(title="replicas", key="num_replicas", style="count")
    each = replace(_COLUMNS[0], unit="a replica")
    shared = Column(
        title="max context", key="shared_context_tokens", unit=f"{num_sequences:,} on one", style="count", priority=1
    )
    return (in_all, replicas, each, *_COLUMNS[1:-1], shared, _COLUMNS[-1])
