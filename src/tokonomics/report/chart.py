"""Line charts in plain text: braille dots where the terminal speaks UTF-8, letters where it does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tokonomics.report._axis import Axis, axis_over, shows, tick_text

_BRAILLE_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column] within a cell
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LABEL_WIDTH: Final = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One line: points in order of x. A point that an axis cannot show (NaN, 0 on a log axis) breaks it."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Lines over one pair of axes, and the points that are the user's own."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    marks: Sequence[tuple[float, float]] = field(default_factory=tuple)
    mark_label: str = "your load"
    log_x: bool = True
    log_y: bool = True
    height: int = 12

    def draw(self, *, width: int = 72, unicode: bool = True) -> str:
        """Draw the chart `width` columns wide; without `unicode`, in ASCII. No points become one sentence."""
        columns = max(width - _LABEL_WIDTH - 2, 16)
        fine = (2, 4) if unicode else (1, 1)
        points = [*self.marks, *(point for one in self.series for point in zip(one.xs, one.ys))]
        shown = [(x, y) for x, y in points if shows(x, self.log_x) and shows(y, self.log_y)]
        if not shown:
            return f"{self.title}: nothing to draw"
        x_axis = axis_over([x for x, _ in shown], columns * fine[0], self.log_x)
        y_axis = axis_over([y for _, y in shown], self.height * fine[1], self.log_y)
        canvas = [[" "] * columns for _ in range(self.height)]
        for letter, one in zip(_LETTERS, self.series, strict=False):
            _draw_line(canvas, list(_dots(one, x_axis, y_axis)), letter, unicode)
        for x, y in self.marks:
            if shows(x, self.log_x) and shows(y, self.log_y):
                _put(canvas, x_axis.dot(x) // fine[0], y_axis.dot(y) // fine[1], "●" if unicode else "*")
        return "\n".join(line.rstrip() for line in self._framed(canvas, x_axis, y_axis, fine, unicode))

    def _framed(
        self, canvas: list[list[str]], x_axis: Axis, y_axis: Axis, fine: tuple[int, int], unicode: bool
    ) -> Iterator[str]:
        side, corner, floor_line = ("┤", "└", "─") if unicode else ("|", "+", "-")
        columns = len(canvas[0])
        yield self.title
        yield f"  y: {self.y_label}; x: {self.x_label}"
        labels = {y_axis.dot(tick) // fine[1]: tick_text(tick) for tick in y_axis.ticks(self.height // 2)}
        for row in range(self.height - 1, -1, -1):
            yield f"{labels.get(row, ''):>{_LABEL_WIDTH}} {side}{''.join(canvas[row])}"
        yield f"{'':>{_LABEL_WIDTH}} {corner}{floor_line * columns}"
        ruler = [" "] * columns
        for tick in x_axis.ticks(columns // 10):
            text = tick_text(tick)
            start = min(x_axis.dot(tick) // fine[0], columns - len(text))
            ruler[start : start + len(text)] = text
        yield f"{'':>{_LABEL_WIDTH}}  {''.join(ruler).rstrip()}"
        width = columns + _LABEL_WIDTH + 2
        yield from (f"  {letter}  {one.name}"[:width] for letter, one in zip(_LETTERS, self.series, strict=False))
        if self.marks:
            yield f"  {'●' if unicode else '*'}  {self.mark_label}"


def _dots(one: Series, x_axis: Axis, y_axis: Axis) -> Iterator[tuple[int, int] | None]:
    """The points of a line in dots; None where it breaks."""
    for x, y in zip(one.xs, one.ys, strict=True):
        shown = shows(x, x_axis.log) and shows(y, y_axis.log)
        yield (x_axis.dot(x), y_axis.dot(y)) if shown else None


def _draw_line(canvas: list[list[str]], dots: list[tuple[int, int] | None], letter: str, unicode: bool) -> None:
    """Join successive dots, then write the letter of the line where it ends."""
    last: tuple[int, int] | None = None
    for start, end in pairwise([*dots, None]):
        for x, y in _between(start, end or start) if start else ():
            if unicode:
                _set_dot(canvas, x, y)
            else:
                _put(canvas, x, y, letter)
        last = start or last
    if last and unicode:
        _put(canvas, last[0] // 2, last[1] // 4, letter)


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    for step in range(steps + 1):
        yield x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)


def _set_dot(canvas: list[list[str]], x: int, y: int) -> None:
    old = canvas[y // 4][x // 2]
    bits = ord(old) - 0x2800 if "\u2800" <= old <= "\u28ff" else 0
    _put(canvas, x // 2, y // 4, chr(0x2800 + (bits | _BRAILLE_DOTS[3 - y % 4][x % 2])))


def _put(canvas: list[list[str]], column: int, row: int, character: str) -> None:
    canvas[row][column] = character
