"""The calibration: weights of features on the constants, with their uncertainty, as a data file of the package.

A constant of a deployment is, on its link scale, the mean of all deployments plus the weights of the features that the
deployment has. The link of an efficiency is its log odds, so that no weight lifts it above the peak; that of all others
the logarithm. A feature that the file does not have adds nothing to the mean and its prior variance to the spread.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
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
    measurements; `stretch` what cross-validated intervals had to be widened by.
    """

    constants: tuple[str, ...]
    mean_link: Values
    weight: Mapping[str, Values]
    variance: Mapping[str, Values]
    prior_variance: Mapping[str, Values]
    group_variance_link: Values
    noise_sd_log: Mapping[str, float]
    stretch: Mapping[str, float]
    fitted_on: str
    corpus_digest: str
    num_rows: int

    @property
    def engines(self) -> tuple[str, ...]:
        """Engines that were seen, and `generic` for any other."""
        names = (name.removeprefix("engine:") for name in self.weight if name.startswith("engine:"))
        return tuple(dict.fromkeys((*names, "generic")))

    def values_link(self, features: Iterable[Feature]) -> Values:
        """Constants on the link scale for `features`, shape (constants,)."""
        total = self.mean_link.copy()
        for name, value in features:
            if name in self.weight:
                total += value * self.weight[name]
        return total

    def variance_link(self, features: Iterable[Feature]) -> Values:
        """Variance of each constant on the link scale: of the weights, of what was not seen, and of one group."""
        total = self.group_variance_link.copy()
        for name, value in features:
            block = name.partition(":")[0]
            known = self.variance.get(name)
            total += value**2 * (self.prior_variance[block] if known is None else known)
        return total

    def natural_ratio(self, values: Values) -> Values:
        """Constants in their own units from `values` on the link scale, any leading shape.

        >>> fit = calibration()
        >>> bool(np.all(fit.natural_ratio(np.full(len(fit.constants), 50.0))[:5] <= 1.0))
        True
        """
        shares = np.array([name.endswith("efficiency_frac") for name in self.constants])
        one_up = np.array([name == "expert_imbalance_ratio" for name in self.constants])
        with np.errstate(over="ignore"):
            grown = np.exp(values)
            found = np.where(shares, 1.0 / (1.0 + np.exp(-values)), grown + one_up)
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
        fitted_on=raw["fitted_on"],
        corpus_digest=raw["corpus_digest"],
        num_rows=raw["num_rows"],
    )


@cache
def calibration() -> Calibration:
    """The calibration that the package carries."""
    return parse_calibration(files("tokonomics.physics").joinpath(*_FILE).read_text("utf-8"))
