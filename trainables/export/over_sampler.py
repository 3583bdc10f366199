"""Balancing image arrays outside a study, by the interface of imbalanced-learn."""

import inspect
import math
import numbers
import textwrap
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from imblearn.utils import check_target_type
from sklearn import config_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch import Tensor

from gan_study.trainables.balancing.balancer import Balancer
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.library_internals import ArraySampler, StrOptions, parameter_constraints
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.data.images import Classes, Labels, real_set
from gan_study.trainables.export.pixel_range import find_range
from gan_study.trainables.export.resample_report import NOT_KNOWN, ResampleReport, fault_notes, report_class
from gan_study.trainables.export.sampler_arguments import (
    Array,
    check_labels,
    check_memory,
    check_numbers,
    check_strategy,
    has_channels_last,
    plain_array,
)
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.runtime.process import usable_device, with_torch_defaults

METHODS = tuple(name for name, entry in BALANCERS.items() if entry.adds_images)
_LARGEST_SEED = 2**31 - 1
# Whose functions lie between a person's call of `fit_resample` and a warning.
_PASSED_ON_BY = frozenset({"gan_study", "imblearn", "sklearn", "torch", "contextlib"})
# Letters of an error of another library.
_LONGEST_MESSAGE = 400
_NOT_SETTINGS = {
    "name": "give it as method",
    "balance_to": "give it as sampling_strategy",
    "dose": "give it as sampling_strategy",
    **dict.fromkeys(("plan", "synthetic_weight"), "only a study fits a classifier"),
    "filter": "only a study measures images",
}


class ImageOverSampler(ArraySampler):
    """Adds images to the rare classes of arrays [N, C, H, W], by a GAN or any other method that makes images.

    imbalanced-learn's over-samplers need tabular data and refuse such arrays (its issues 395 and 966); everything
    else is the same: `fit_resample(X, y)`, `sampling_strategy`, `random_state`, `sklearn.base.clone`,
    `imblearn.pipeline`.

    Methods need square images: other images are padded by repeating their edges evenly on both sides, and
    generated ones are cropped back. Warnings say if a method has collapsed to a few images, if it has memorised
    the real ones, and if the range of values is not that of all of X: if bytes use only a small part of theirs,
    channels differ, or single values, such as NoData, are far from all others.

    Parameters
    ----------
    method : str
        One of METHODS: a GAN variant, or "flow_matching", "deep_smote", "smote", "borderline_smote",
        "safe_level_smote", "image_transforms", "rand_augment", "duplicates", "random_oversampling".
    sampling_strategy : float, str, dict or callable
        Which classes get how many images, as in imbalanced-learn.
    settings : mapping, optional
        The settings of the method as a study has them, nested: `{"gan": {"generator_steps": 3000}}`; what they
        leave out has its default.
    value_range : (float, float), optional
        The smallest and the largest value that a pixel may have. By default 0 and 255 for bytes, else those in X,
        and those of a channel that uses no more than half of that.
    random_state : int or RandomState, optional
        As in scikit-learn.
    device : str, int or torch.device, optional
        Where a GAN is trained; by default a GPU if there is one.

    Attributes
    ----------
    sampling_strategy_ : dict
        The number of images that were added to each class.
    num_distinct_ : dict
        For each class the number of different images among the first 500 that were added. An image does not count
        if it is nearer to an earlier one, pixel by pixel, than a quarter of the median distance of two real images
        of the class (of all, if it has one).
    report_ : ResampleReport
        Counts, different images, near-copies of real images, whether more of the new images than of the real ones
        are such, and notes.

    Examples
    --------
    `fit_resample` returns X and y, unchanged and first, then the new images, class by class, with the dtype of X.

    >>> import numpy as np
    >>> from gan_study import ImageOverSampler
    >>> X = np.random.default_rng(0).random((12, 1, 8, 8), dtype=np.float32)
    >>> y = np.array([0] * 8 + [1] * 4)
    >>> X_balanced, y_balanced = ImageOverSampler("duplicates", random_state=0).fit_resample(X, y)
    >>> X_balanced.shape, np.bincount(y_balanced).tolist()
    ((16, 1, 8, 8), [8, 8])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **parameter_constraints(ArraySampler),
        "method": [StrOptions(set(METHODS))],
        "settings": [Mapping, None],
        "value_range": [tuple, list, None],
        "device": [str, numbers.Integral, torch.device, None],
    }

    def __init__(
        self,
        method: str = "projection_sngan",
        *,
        sampling_strategy: Any = "auto",
        settings: Mapping[str, object] | None = None,
        value_range: tuple[float, float] | None = None,
        random_state: Any = None,
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.method = method
        self.settings = settings
        self.value_range = value_range
        self.random_state = random_state
        self.device = device

    def fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        """X and y, and after them the new images, class by class.

        Raises ValueError or TypeError, in one line, for what is no array of images with a class each.
        """
        try:
            X, y = plain_array("X", X), plain_array("y", y)
            check_labels(y)
            resampled: tuple[Any, Any] = super().fit_resample(X, y, **params)
        except (ValueError, TypeError) as error:
            # Some messages of scikit-learn's hold whole arrays, and some advice on other estimators.
            if "\n" not in str(error) and len(str(error)) <= _LONGEST_MESSAGE:
                raise
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(textwrap.shorten(str(error), _LONGEST_MESSAGE, placeholder=" ...")) from error
        return resampled

    def check_arrays(self, X: Any, y: Any) -> tuple[Array, Array, bool]:
        """X as an array [N, C, H, W], y as classes [N], and whether y was one-versus-all."""
        check_memory(8 * math.prod(np.shape(X)), "X as floats")
        # check_target_type knows arrays alone.
        y, one_versus_all = check_target_type(
            np.asarray(y) if isinstance(y, list | tuple) else y, indicate_one_vs_all=True
        )
        # Whatever scikit-learn was told to assume: with a NaN all images that are made would be of NaN.
        with config_context(assume_finite=False):
            X, y = validate_data(self, X=X, y=y, reset=True, ensure_2d=False, allow_nd=True)
        check_strategy(self.sampling_strategy, y)
        if X.ndim != 4 or not X.size:
            raise ValueError(f"X has shape {X.shape}; images [N, channels, height, width] are needed")
        if has_channels_last(X.shape):
            raise ValueError(
                f"X has shape {X.shape}, whose last axis seems to be the channels; images [N, channels, "
                f"height, width] are needed: X.transpose(0, 3, 1, 2)"
            )
        return X, y, one_versus_all

    @with_torch_defaults
    def resample(self, X: Array, y: Array) -> tuple[Array, Array]:
        """X and y, unchanged and first, and after them the new images, class by class."""
        classes, labels = np.unique(y, return_inverse=True)
        asked = {int(np.searchsorted(classes, name)): n for name, n in self.sampling_strategy_.items() if n}
        check_numbers(asked, X, strategy=self.sampling_strategy)
        # 20.0 images are 20.
        added = {label: int(number) for label, number in asked.items()}
        device = usable_device(self.device)
        pixels = find_range(X, self.value_range)
        notes = [f"{note}; value_range can name another range" for note in pixels.notes]
        scaled = pixels.to_unit(X)
        # Squares, edges repeated evenly on both sides; what is made is cut back.
        height, width = X.shape[2:]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        margins = ((0, 0), (0, 0), (top, side - height - top), (left, side - width - left))
        images, new_labels = self._make(np.pad(scaled, margins, mode="edge"), labels, classes, added, device)
        made = images.cpu().numpy()[:, :, top : top + height, left : left + width]
        new = new_labels.cpu().numpy()
        found = {
            classes[label]: report_class(
                made[new == label], scaled, labels == label, method=self.method, num_classes=len(added)
            )
            for label in added
        }
        self.num_distinct_ = {name: each.num_distinct for name, each in found.items()}
        notes += [
            note for name, each in found.items() for note in fault_notes(str(name), each, method=self.method)
        ]
        for note in notes:
            _warn(note)
        self.report_ = ResampleReport(method=self.method, classes=found, notes=(*notes, *NOT_KNOWN))
        new_classes = classes[new].astype(y.dtype)
        return np.concatenate([X, pixels.from_unit(made, X.dtype)]), np.concatenate([y, new_classes])

    def _make(
        self,
        images: npt.NDArray[np.float32],
        labels: Labels,
        classes: Array,
        added: Mapping[int, int],
        device: torch.device,
    ) -> tuple[Tensor, Tensor]:
        """New square images, as those given, in [-1, 1] and their labels [M], `added[label]` of each class."""
        training = real_set(
            torch.as_tensor(images, device=device),
            torch.as_tensor(labels.astype(np.int64), device=device),
            Classes(names=tuple(map(str, classes)), minority=tuple(added)),
        )
        if not added:
            return training.images[:0], training.labels[:0]
        seed = int(check_random_state(self.random_state).randint(_LARGEST_SEED))
        try:
            balancer = self._balancer(training.class_counts(), added)
            [filled] = [found.training for found in balancer.balance(training, seed=seed) if found.is_final]
        except (UserError, DivergedError) as error:
            raise ValueError(str(error)) from error
        except RuntimeError as error:
            # torch has no type of its own for the memory of a CPU.
            if "allocate" not in str(error):
                raise
            raise ValueError(f"too little memory for these settings ({' '.join(str(error).split())})") from error
        # Every class was filled up to the largest number asked for; only as many as each was to get are taken.
        new = filled.labels[len(training) :]
        taken = torch.cat([torch.nonzero(new == label).squeeze(1)[:number] for label, number in added.items()])
        return filled.images[len(training) :][taken], new[taken]

    def _balancer(self, counts: tuple[int, ...], added: Mapping[int, int]) -> Balancer:
        """The method, set to fill every class up to the largest number that one of them is to have."""
        given = dict(self.settings or {})
        for name, instead in _NOT_SETTINGS.items():
            if name in given:
                raise ConfigError(f"settings.{name}: {instead}")
        target = max(counts[label] + number for label, number in added.items())
        values = {**given, "name": self.method, "balance_to": target / max(counts)}
        return parse_balancing(values, where="settings").balancer

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = False
        tags.input_tags.dataframe = False
        return tags


def _warn(text: str) -> None:
    """Warn of the line that calls `fit_resample`, from behind functions of the libraries and of this package."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_ON_BY:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)
