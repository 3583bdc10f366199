"""What imbalanced-learn and scikit-learn themselves ask of an estimator.

Their checks bring rows of numbers, so a row becomes an image.
"""

import numpy as np
import pytest
from imblearn.base import BaseSampler
from imblearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils import estimator_checks as sklearn_checks

from gan_study.trainables.export.over_sampler import ImageOverSampler
from tests.trainables.export.samplers import settings_of


class OnRows(ImageOverSampler):
    """The sampler for rows of at most 64 numbers: each of them an image of 8x8, padded with its smallest value."""

    def _check_X_y(self, X, y, accept_sparse=None):
        rows, y, one_versus_all = BaseSampler._check_X_y(self, X, y, accept_sparse=False)
        self._width = rows.shape[1]
        padded = np.pad(rows, ((0, 0), (0, 64 - self._width)), constant_values=rows.min())
        return padded.reshape(-1, 1, 8, 8), y, one_versus_all

    def _fit_resample(self, X, y):
        images, classes = super()._fit_resample(X, y)
        return images.reshape(len(images), -1)[:, : self._width], classes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.dataframe = True
        return tags


NOT_FOR_IMAGES = {"check_samplers_pandas_sparse": "images are no sparse frames"}


@parametrize_with_checks(
    [OnRows(name, settings=settings_of(name), random_state=0, device="cpu") for name in ("smote", "dcgan")],
    expected_failed_checks=lambda sampler: NOT_FOR_IMAGES,
)
def test_imbalanced_learns_checks(estimator, check):
    check(estimator)


# scikit-learn hands out no check for estimators that take no rows; these need no data, or bring none of their own.
SKLEARN_CHECKS = (
    sklearn_checks.check_estimator_cloneable,
    sklearn_checks.check_estimator_tags_renamed,
    sklearn_checks.check_valid_tag_types,
    sklearn_checks.check_estimator_repr,
    sklearn_checks.check_no_attributes_set_in_init,
    sklearn_checks.check_do_not_raise_errors_in_init_or_set_params,
    sklearn_checks.check_mixin_order,
    sklearn_checks.check_parameters_default_constructible,
    sklearn_checks.check_get_params_invariance,
    sklearn_checks.check_set_params,
    sklearn_checks.check_param_validation,
)


@pytest.mark.parametrize("check", SKLEARN_CHECKS, ids=lambda check: check.__name__)
def test_scikit_learns_checks_that_bring_no_rows(check):
    check("ImageOverSampler", ImageOverSampler())


ROW_CHECKS = [
    *sklearn_checks.estimator_checks_generator(
        OnRows("duplicates", random_state=0, device="cpu"), expected_failed_checks={}
    )
]


@pytest.mark.parametrize("check", [check for _, check in ROW_CHECKS], ids=lambda check: check.func.__name__)
def test_scikit_learns_checks_on_rows(check):
    check(OnRows("duplicates", random_state=0, device="cpu"))
