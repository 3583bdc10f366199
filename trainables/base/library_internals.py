"""All that is used of scikit-learn and imbalanced-learn and is not their public interface, in one place.

Seen in scikit-learn 1.9.1 and imbalanced-learn 0.14.2. tests/test_internals.py names each of these, and fails with
a sentence when a later version no longer has it.
"""

from typing import Any

# How an estimator says that a parameter is one of some names; scikit-learn has no public name for it.
from sklearn.utils._param_validation import StrOptions

__all__ = ["StrOptions", "parameter_constraints"]


def parameter_constraints(estimator: type) -> dict[str, list[Any]]:
    """What scikit-learn checks the parameters of a class of estimators against, for a subclass to add to."""
    return dict(estimator._parameter_constraints)  # type: ignore[attr-defined]
