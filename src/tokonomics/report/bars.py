"""Horizontal bars in plain text: how something is made up, such as the memory of an accelerator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_LONGEST_LABEL: Final = 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar: its label, its share of the whole (0..1) and the text after it."""

    label: str
    share_frac: float
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """Bars over one common whole."""

    title: str
    bars: Sequence[Bar]

    def draw(self, *, width: int = 72, unicode: bool = True) -> str:
        """Draw one line a bar, `width` columns wide; without `unicode`, in ASCII.

        >>> weights = Bar(label="weights", share_frac=0.5, text="40 GB")
        >>> print(Bars(title="memory", bars=[weights]).draw(width=28))
        memory
          weights |█████     | 40 GB
        """
        label_width = min(max((len(bar.label) for bar in self.bars), default=0), _LONGEST_LABEL)
        text_width = max((len(bar.text) for bar in self.bars), default=0)
        room = max(width - label_width - text_width - 6, 8)
        lines = [self.title]
        for bar in self.bars:
            label = f"{bar.label[:_LONGEST_LABEL]:<{label_width}}"
            lines.append(f"  {label} |{_bar(bar.share_frac, room, unicode)}| {bar.text}".rstrip())
        return "\n".join(lines)


def _bar(share_frac: float, room: int, unicode: bool) -> str:
    """Fill `share_frac` of `room` characters, to the eighth where `unicode` allows it."""
    eighths = round(min(max(share_frac, 0.0), 1.0) * room * 8)
    if not unicode:
        return ("#" * round(eighths / 8)).ljust(room)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(room)
