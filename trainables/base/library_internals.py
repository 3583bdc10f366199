"""All private parts of scikit-learn and imbalanced-learn that are used, in one place.

Checked with scikit-learn 1.9.1 and imbalanced-learn 0.14.2. tests/test_internals.py names each of these, and fails
with a sentence when a later version no longer has it.
"""

from abc import abstractmethod
from typing import Any

import numpy.typing as npt
from imblearn.over_sampling.base import BaseOverSampler

# How an estimator says that a parameter is one of some names; scikit-learn has no public name for it.
from sklearn.utils._param_validation import StrOptions

__all__ = ["ArraySampler", "StrOptions", "parameter_constraints"]


class ArraySampler(BaseOverSampler):  # type: ignore[misc]
    """An over-sampler of arrays of any shape.

    imbalanced-learn's own base class checks that X is tabular, and sub-classes cannot change this through a public
    name: `fit_resample` calls `_check_X_y`, then `_fit_resample`.
    """

    @abstractmethod
    def check_arrays(self, X: Any, y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], bool]:
        """X and y as arrays, and whether y was one-versus-all; raises ValueError for what cannot be sampled."""

    @abstractmethod
    def resample(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """X and y with the added samples."""

    def _check_X_y(
        self, X: Any, y: Any, accept_sparse: Any = None
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], bool]:
        return self.check_arrays(X, y)

    def _fit_resample(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self.resample(X, y)


def parameter_constraints(estimator: type) -> dict[str, list[Any]]:
    """scikit-learn's constraints for the parameters of a class of estimators, for a subclass to extend."""
    return dict(estimator._parameter_constraints)  # type: ignore[attr-defined]
