"""`tok fit`: show what fills the memory of an accelerator."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.options import complete_gpus, complete_models
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.catalog.load import Catalog
    from tokonomics.catalog.model import Model


@click.command()
@click.argument("model", required=False, shell_complete=complete_models)
@click.argument("gpu", required=False, shell_complete=complete_gpus)
@click.option("--ctx", "context_tokens", type=click.FloatRange(1, 1e8), default=8192, help="Tokens a sequence  [8192].")
@click.option("--sequences", "num_sequences", type=click.IntRange(1, 10**6), default=1, help="Wanted at once  [1].")
@click.option("--num-gpus", type=click.IntRange(1, 1024), help="Accelerators of a replica  [the fewest that fit].")
@click.option("--precision", help="Weight format, such as fp8 or int4-awq  [the model's own].")
@click.option("--kv-format", help="Format of the KV cache, such as fp8  [bf16].")
@click.option("--engine", default="vllm", help="Serving engine, whose reserves apply  [vllm].")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A config.json instead of MODEL.")
@output_options
def fit(
    output: OutputOptions,
    model: str | None,
    gpu: str | None,
    context_tokens: float,
    num_sequences: int,
    num_gpus: int | None,
    precision: str | None,
    kv_format: str | None,
    engine: str,
    config: Path | None,
) -> None:
    """Show what fills the memory of GPU when it serves MODEL, and how many sequences that leaves room for.

    Without GPU, list the smallest layout on every accelerator. With --sequences, the fewest accelerators that hold
    so many at once, and how long each may then be.
    """
    from tokonomics.catalog.load import load_catalog  # the catalogue and NumPy load only when asked
    from tokonomics.physics.fit import Layouts, smallest_fit, smallest_fits
    from tokonomics.report.fit_view import box_view, fit_dict, fits_view
    from tokonomics.report.json import document

    catalog = load_catalog()
    record, gpu = _model_and_gpu(catalog, model, gpu, config)
    layouts = Layouts(precision=precision, kv_format=kv_format, engine=engine)
    layouts = replace(layouts, gpus_per_replica=(num_gpus,)) if num_gpus else layouts
    body: dict[str, Any] = {"catalog_digest": catalog.digest, "catalog_snapshot": catalog.snapshot}
    if gpu is not None:
        part = catalog.accelerator(gpu)
        one = smallest_fit(record, part, layouts, context_tokens=context_tokens, num_sequences=num_sequences)
        emit(document("fit", {**body, "fits": [fit_dict(one)], "left_out": []}), box_view(one), output)
        return
    parts = catalog.accelerators.values()
    fits, left_out = smallest_fits(record, parts, layouts, context_tokens=context_tokens, num_sequences=num_sequences)
    body |= {"fits": [fit_dict(one) for one in fits], "left_out": list(left_out)}
    emit(document("fit", body), fits_view(record.id, fits, left_out, context_tokens=context_tokens), output)


def _model_and_gpu(
    catalog: "Catalog", model: str | None, gpu: str | None, config: Path | None
) -> tuple["Model", str | None]:
    """The model, and the accelerator; with --config the first argument is the accelerator."""
    from tokonomics.catalog.hf_config import model_from_config

    if config is not None and gpu is None:
        return model_from_config(config), model
    if config is not None or model is None:
        raise InputError("name one model: MODEL from `tok models list`, or --config FILE with a config.json")
    return catalog.model(model), gpu
