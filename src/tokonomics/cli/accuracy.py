"""`tok accuracy`: hold the physics against a corpus of published measurements."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokonomics.cli.output import OutputOptions, emit, output_options, remark
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokonomics.measure.predict import Prediction


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@output_options
def accuracy(output: OutputOptions, file: Path) -> None:
    """Predict every measurement of FILE, a CSV corpus, and report how far off the predictions are.

    With -o FILE.csv the predictions are written there, a row a measurement; the report goes to stdout all the same.
    """
    from tokonomics.catalog.load import load_catalog  # the catalogue and NumPy load only when asked
    from tokonomics.measure.corpus import read_corpus
    from tokonomics.measure.intervals import predict_with_intervals
    from tokonomics.report.accuracy_view import accuracy_dict, accuracy_view
    from tokonomics.report.json import document

    if output.path is not None and output.path.suffix.lower() != ".csv":
        raise InputError(f"--output {output.path} holds the predictions, as CSV; end it in .csv")
    catalog = load_catalog()
    predictions = predict_with_intervals(read_corpus(file), catalog)
    body = {"catalog_digest": catalog.digest, "catalog_snapshot": catalog.snapshot, "corpus": file.name}
    shown = output
    if output.path is not None:
        _write(predictions, output.path, output)
        shown = replace(output, path=None, fmt="table" if output.fmt == "csv" else output.fmt)
    emit(document("accuracy", body | accuracy_dict(predictions)), accuracy_view(predictions, file.name), shown)


def _write(predictions: "Sequence[Prediction]", path: Path, output: OutputOptions) -> None:
    from tokonomics.measure.predictions_file import predictions_csv

    try:
        path.write_text(predictions_csv(predictions), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --output") from None
    remark(f"wrote {path}", output)
