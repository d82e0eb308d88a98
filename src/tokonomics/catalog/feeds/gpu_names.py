"""Names of accelerators in other people's files, told apart by provider, memory and instance name.

"H100" may be the PCIe, the SXM or the NVL card: our ids always carry the form factor, so a name that no rule decides
is refused, never guessed. Rules are rows of data/gpu_names.csv; the most particular that fits wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources

from tokonomics.catalog.tables import read_rows

_COLUMNS = ("feed", "provider", "gpu_name", "memory_gib", "instance", "accelerator_id")
# Cards show less memory than their name says (the H200's 141 GB reads 140 GiB); a fifth covers all and splits 40/80.
_MEMORY_SLACK_FRAC = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class NameRule:
    """One rule: "*" and empty fit anything; `instance` is a pattern with * and ?."""

    feed: str
    provider: str
    gpu_name: str
    memory_gib: int | None
    instance: str
    accelerator_id: str

    @property
    def weight(self) -> int:
        """How particular the rule is."""
        return (self.provider != "*") * 4 + bool(self.instance) * 2 + (self.memory_gib is not None)

    def fits(self, *, feed: str, provider: str, gpu_name: str, memory_gib: float | None, instance: str) -> bool:
        """Whether the rule speaks of this row."""
        return (
            self.feed in ("*", feed)
            and self.provider in ("*", provider)
            and self.gpu_name.lower() == gpu_name.lower()
            and (not self.instance or fnmatchcase(instance.lower(), self.instance))
            and (self.memory_gib is None or _is_near(memory_gib, self.memory_gib))
        )


def accelerator_id(*, feed: str, provider: str, gpu_name: str, memory_gib: float | None, instance: str) -> str | None:
    """Our id of an accelerator that a feed names; None when no rule decides.

    >>> accelerator_id(feed="x", provider="lambda", gpu_name="H100", memory_gib=80, instance="gpu_1x_h100_pcie")
    'h100-pcie'
    >>> accelerator_id(feed="x", provider="some-cloud", gpu_name="H100", memory_gib=80, instance="big") is None
    True
    """
    fitting = [
        rule
        for rule in name_rules()
        if rule.fits(feed=feed, provider=provider, gpu_name=gpu_name, memory_gib=memory_gib, instance=instance)
    ]
    return max(fitting, key=lambda rule: rule.weight).accelerator_id if fitting else None


@lru_cache(maxsize=1)
def name_rules() -> Sequence[NameRule]:
    """The rules of data/gpu_names.csv."""
    text = resources.files("tokonomics.catalog").joinpath("data/gpu_names.csv").read_text("utf-8")
    return tuple(
        NameRule(
            feed=row.text("feed"),
            provider=row.text("provider"),
            gpu_name=row.text("gpu_name"),
            memory_gib=row.count("memory_gib"),
            instance=row.text("instance"),
            accelerator_id=row.text("accelerator_id"),
        )
        for row in read_rows(text, where="gpu_names.csv", columns=_COLUMNS, problems=[])
    )


def _is_near(memory_gib: float | None, wanted_gib: int) -> bool:
    return memory_gib is not None and abs(memory_gib - wanted_gib) <= _MEMORY_SLACK_FRAC * wanted_gib
