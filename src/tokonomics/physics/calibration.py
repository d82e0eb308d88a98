"""The calibration: weights of features on the constants, with their uncertainty, as a data file of the package.

A constant of a deployment is, on its link scale, the mean of all deployments plus the weights of the features that the
deployment has. The link of an efficiency is its log odds, so that no weight lifts it above the peak; that of all others
the logarithm. A feature that the file does not have adds nothing to the mean and its prior variance to the spread.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from tokonomics.physics.features import Feature

Values = NDArray[np.float64]

_FILE = ("data", "calibration.json")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Weights on the link scale; arrays have one entry a constant.

    `weight` and `variance` map a feature to its weights and their posterior variances, `prior_variance` a block of
    features to that of an unseen one (0 where the block does not touch a constant). `group_variance_link` is how far
    one model on one accelerator strays from its features. `noise_sd_log` is, by metric and mode, the spread of single
    measurements; `stretch` what the intervals of unseen rows and groups had to be widened by where their source was in
    the fit, one of `sources`, and `new_source_stretch` those of whole unseen sources, as every user's own machine is.
    """

    constants: tuple[str, ...]
    mean_link: Values
    weight: Mapping[str, Values]
    variance: Mapping[str, Values]
    prior_variance: Mapping[str, Values]
    group_variance_link: Values
    noise_sd_log: Mapping[str, float]
    stretch: Mapping[str, float]
    new_source_stretch: Mapping[str, float]
    sources: frozenset[str]
    fitted_on: str
    corpus_digest: str
    num_rows: int

    @cached_property
    def engines(self) -> tuple[str, ...]:
        """Engines that were seen, and `generic` for any other."""
        names = (name.removeprefix("engine:") for name in self.weight if name.startswith("engine:"))
        return tuple(dict.fromkeys((*names, "generic")))

    def values_link(self, features: Iterable[Feature]) -> Values:
        """Constants on the link scale for `features`, shape (constants,)."""
        known = [(self._weight_rows[name], value) for name, value in features if name in self._weight_rows]
        if not known:
            return self.mean_link.copy()
        rows, values = zip(*known)
        parts = self._weight_table[list(rows)] * np.array(values)[:, None]
        return np.asarray(np.add.reduce(np.concatenate((self.mean_link[None], parts)), axis=0))

    def variance_link(self, features: Iterable[Feature]) -> Values:
        """Variance of each constant on the link scale: of the weights, of what was not seen, and of one group."""
        total = self.group_variance_link.copy()
        for name, value in features:
            block = name.partition(":")[0]
            known = self.variance.get(name)
            total += value**2 * (self.prior_variance[block] if known is None else known)
        return total

    def variances_link(self, features: Sequence[tuple[Feature, ...]]) -> Values:
        """`variance_link` of many deployments at once, shape (deployments, constants); each has one feature or more."""
        if not features:
            return np.zeros((0, len(self.constants)))
        places, rows = self._variance_rows, []
        for one in features:
            rows += [places[name] if name in places else places[name.partition(":")[0]] for name, _ in one]
        values = np.array([value for one in features for _, value in one])
        starts = np.cumsum([0, *map(len, features[:-1])])
        parts = self._variance_table[np.array(rows)] * np.square(values)[:, None]
        return np.asarray(np.add.reduceat(parts, starts) + self.group_variance_link)

    @cached_property
    def _weight_rows(self) -> Mapping[str, int]:
        return {name: row for row, name in enumerate(self.weight)}

    @cached_property
    def _weight_table(self) -> Values:
        return np.array(list(self.weight.values())).reshape(-1, len(self.constants))

    @cached_property
    def _shares(self) -> NDArray[np.bool_]:
        return np.array([name.endswith("efficiency_frac") for name in self.constants])

    @cached_property
    def _one_up(self) -> NDArray[np.bool_]:
        return np.array([name == "expert_imbalance_ratio" for name in self.constants])

    @cached_property
    def _variance_rows(self) -> Mapping[str, int]:
        """Row of a feature in `_variance_table`; of its block, by the name without a colon, where it was not seen."""
        return {name: row for row, name in enumerate((*self.variance, *self.prior_variance))}

    @cached_property
    def _variance_table(self) -> Values:
        return np.array([*self.variance.values(), *self.prior_variance.values()])

    def natural_ratio(self, values: Values) -> Values:
        """Constants in their own units from `values` on the link scale, any leading shape.

        >>> fit = calibration()
        >>> bool(np.all(fit.natural_ratio(np.full(len(fit.constants), 50.0))[:5] <= 1.0))
        True
        """
        with np.errstate(over="ignore"):
            grown = np.exp(values)
            found = np.where(self._shares, 1.0 / (1.0 + np.exp(-values)), grown + self._one_up)
        return np.asarray(found)


def parse_calibration(text: str) -> Calibration:
    """The calibration of a file's `text`."""
    raw = json.loads(text)

    def rows(name: str) -> dict[str, Values]:
        return {key: np.array(values, dtype=float) for key, values in raw[name].items()}

    return Calibration(
        constants=tuple(raw["constants"]),
        mean_link=np.array(raw["mean"], dtype=float),
        weight=rows("weight"),
        variance=rows("variance"),
        prior_variance=rows("prior_variance"),
        group_variance_link=np.array(raw["group_variance"], dtype=float),
        noise_sd_log=raw["noise_sd_log"],
        stretch=raw["stretch"],
        new_source_stretch=raw["new_source_stretch"],
        sources=frozenset(raw["sources"]),
        fitted_on=raw["fitted_on"],
        corpus_digest=raw["corpus_digest"],
        num_rows=raw["num_rows"],
    )


@cache
def calibration() -> Calibration:
    """The calibration that the package carries."""
    return parse_calibration(files("tokonomics.physics").joinpath(*_FILE).read_text("utf-8"))
