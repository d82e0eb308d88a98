"""The section of `docs/accuracy.md` on cost against offered rate, and its two pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.measure.calibration.calibrate import blank_calibration, calibration_cases
from tokonomics.measure.calibration.replayed import held_out_cases
from tokonomics.measure.case import CaseBuilder
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.offered_rate import PenaltyCurve, RatePoint, penalty_curves, rate_points
from tokonomics.measure.predict import Prediction, predict_cases
from tokonomics.report.chart import Chart, Series
from tokonomics.report.chart_spec import chart_file

SOURCE: Final = "patil-2606.11690"
_INPUT_TOKENS, _OUTPUT_TOKENS = 512.0, 256.0
_ENGINES: Final = {"vllm": "vLLM 0.19", "sglang": "SGLang 0.5.10"}
_TEXT: Final = """\
Source `{source}` (arXiv 2606.11690): Poisson arrivals of random requests, 512 tokens in and 256 out, on H100 at 6.98
USD an hour. Every run is replayed in the event kernel: its rate, its lengths, its number of requests (500, inferred;
see `runs.csv`), the engine's way to batch. Errors are MdAPE of USD per million output tokens, bias in brackets.
The source was part of the fit; *held out* is by constants that were fitted without it.

"""
_PICTURES: Final = """\
The penalty of a rate: USD per output token over the least that the system reached. Lines are replayed, dots measured.

"""


def offered_rate(
    predictions: Sequence[Prediction], corpus: Sequence[Measurement], catalog: Catalog, folder: Path
) -> str:
    """The section; writes the pictures into `folder`. Empty where the corpus lacks the source."""
    points = _points(predictions)
    if not points:
        return ""
    unseen = _points(held_out_predictions(corpus, catalog))
    names = [_write_picture(engine, penalty_curves(points), folder) for engine in _ENGINES]
    pictures = "\n".join(f"![Penalty of low load, {_ENGINES[name.split('-')[1]]}]({name}.svg)\n" for name in names)
    return (
        _TEXT.format(source=SOURCE)
        + _costs(points, unseen)
        + "\n"
        + _latencies(points, unseen)
        + "\n"
        + (_PICTURES + pictures)
    )


def held_out_predictions(corpus: Sequence[Measurement], catalog: Catalog) -> tuple[Prediction, ...]:
    """Predictions of the source by a fit to all others."""
    cases = calibration_cases(corpus, catalog)
    held = held_out_cases(cases, SOURCE, blank_calibration("", "", len(cases)))
    return predict_cases(CaseBuilder(catalog), [case.measurement for case in held], held)


def _points(predictions: Sequence[Prediction]) -> tuple[RatePoint, ...]:
    return rate_points(predictions, source_id=SOURCE, input_tokens=_INPUT_TOKENS, output_tokens=_OUTPUT_TOKENS)


def _costs(points: Sequence[RatePoint], unseen: Sequence[RatePoint]) -> str:
    """USD per million output tokens by rate: measured range and errors."""
    lines = [
        "| requests/s | runs | measured USD/M | replayed USD/M | vLLM | SGLang | all | all, held out |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rates = sorted({point.offered_requests_per_s for point in points})
    for rate in (*rates, None):
        here = [p for p in points if rate in (None, p.offered_requests_per_s)]
        there = [p for p in unseen if rate in (None, p.offered_requests_per_s)]
        by_engine = [_off([p for p in here if p.prediction.measurement.engine == one]) for one in _ENGINES]
        measured = _range([p.measured_usd_per_mtok for p in here])
        replayed = _range([p.usd_per_mtok for p in here])
        name = "all" if rate is None else f"{rate:g}"
        cells = (name, len(here), measured, replayed, *by_engine, _off(here), _off(there))
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, ""])


def _latencies(points: Sequence[RatePoint], unseen: Sequence[RatePoint]) -> str:
    lines = ["| MdAPE (bias) | TTFT | TPOT |", "|---|---:|---:|"]
    for name, held in (("all", points), ("held out", unseen)):
        for engine, title in _ENGINES.items():
            rows = [p.prediction for p in held if p.prediction.measurement.engine == engine]
            cells = [_latency_off(rows, metric) for metric in ("ttft_s", "tpot_s")]
            lines.append(f"| {title}, {'in the fit' if name == 'all' else name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _latency_off(rows: Sequence[Prediction], metric: str) -> str:
    return _told([getattr(one, metric) / getattr(one.measurement, metric) - 1.0 for one in rows])


def _off(points: Sequence[RatePoint]) -> str:
    return _told([point.off_frac for point in points])


def _told(off: Sequence[float]) -> str:
    return f"{np.median(np.abs(off)):.1%} ({np.median(off):+.0%})" if off else ""


def _range(usd: Sequence[float]) -> str:
    return f"{min(usd):.2f} to {max(usd):.2f}"


def _write_picture(engine: str, curves: Sequence[PenaltyCurve], folder: Path) -> str:
    mine = [one for one in curves if one.system.startswith(f"{engine} ")]
    chart = Chart(
        title=f"Penalty of low load, {_ENGINES[engine]} on H100",
        x_label="offered requests/s",
        y_label="USD per output token over the least",
        series=[
            Series(name=one.system.split(" ", 1)[1], xs=one.offered_requests_per_s, ys=one.predicted_ratio)
            for one in mine
        ],
        marks=[point for one in mine for point in zip(one.offered_requests_per_s, one.measured_ratio, strict=True)],
        mark_label="measured",
    )
    path = folder / f"penalty-{engine}.svg"
    path.write_bytes(chart_file(chart, path))
    return path.stem
