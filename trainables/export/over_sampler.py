"""Balancing images outside a study: imbalanced-learn's interface for image arrays, and torch's for data sets."""

import inspect
import math
import numbers
import reprlib
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from imblearn.utils import check_target_type
from PIL.Image import Image
from sklearn import config_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch import Tensor
from torch.utils.data import Dataset

from gan_study.trainables.balancing.balancer import Balancer
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.library_internals import ArraySampler, StrOptions, parameter_constraints
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.settings import ConfigError, DataError, UserError
from gan_study.trainables.data.images import Classes, Labels, first_rows, real_set
from gan_study.trainables.data.torch_items import MapDataset, array_of, images_and_labels
from gan_study.trainables.export.pixel_range import find_range
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.trainer import DivergedError
from gan_study.trainables.image_quality.class_quality import has_collapsed
from gan_study.trainables.image_quality.copying import find_repeats, repeat_distance
from gan_study.trainables.image_quality.memorisation import measure_memorisation
from gan_study.trainables.runtime.process import with_torch_defaults

Array: TypeAlias = npt.NDArray[Any]

METHODS = tuple(name for name, entry in BALANCERS.items() if entry.adds_images)
_LARGEST_SEED = 2**31 - 1
# Whose functions lie between a person's call of `fit_resample` and a warning.
_PASSED_ON_BY = frozenset({"gan_study", "imblearn", "sklearn", "torch", "contextlib"})
# Grey, RGB, and RGB with transparency.
_CHANNELS = frozenset({1, 3, 4})
# From so many pixels a side, an array of squares [N, H, H, C] is taken for one.
_LEAST_SIDE = 8
# Methods that repeat real images as they are.
_COPIES = frozenset({"duplicates", "random_oversampling"})
# So many images of a class suffice to see that they repeat one another.
_MOST_COMPARED = 500
# What a report on images cannot know.
_UNKNOWN = ("no real image was held out, so a membership test is not possible",)
# Letters of an error of another library.
_LONGEST_MESSAGE = 400
_NOT_SETTINGS = {
    "name": "give it as method",
    "balance_to": "give it as sampling_strategy",
    "dose": "give it as sampling_strategy",
    **dict.fromkeys(("plan", "synthetic_weight"), "only a study fits a classifier"),
    "filter": "only a study measures images",
}


@dataclass(frozen=True, kw_only=True)
class ClassReport:
    """What was added to one class. At most 500 of the new images are compared, pixel by pixel."""

    num_real: int
    num_added: int
    num_compared: int
    num_distinct: int
    """Distinct images among the new ones that were compared."""
    num_copies: int
    """Near-copies among those: their distance to one real image, of any class, is less than half that to any
    other."""
    num_exact: int
    """Of all compared images, including repeats, those nearly equal to a real image: less than a quarter of that
    distance."""
    copied_interval: tuple[float, float] | None
    """The 95 % interval of their share (Wilson 1927); None of no images."""
    real_copied: tuple[int, int]
    """How many of how many real images of the class are near-copies of another real one: the number expected by
    chance."""
    has_collapsed: bool
    """Whether the new images show hardly more than five different ones; always false if copies were requested."""
    is_memorised: bool | None
    """Whether there are more near-copies among new images than among real ones; None with too few images to tell,
    and for methods that change or mix real images without learning from them."""


@dataclass(frozen=True, kw_only=True)
class ResampleReport:
    """What `fit_resample` did."""

    method: str
    classes: Mapping[Any, ClassReport]
    """By class, for classes with added images."""
    notes: tuple[str, ...]
    """Warnings, and what cannot be known."""


class ImageOverSampler(ArraySampler):
    """Adds images to the rare classes of arrays [N, C, H, W], by a GAN or by any other method that makes images.

    imbalanced-learn's over-samplers need tabular data and refuse such arrays (its issues 395 and 966); everything
    else is the same: `fit_resample(X, y)`, `sampling_strategy`, `random_state`, `sklearn.base.clone`,
    `imblearn.pipeline`.

    Methods need square images: other images are padded by repeating their edges evenly on both sides, and
    generated ones are cropped back. Warnings say if a method has collapsed to a few images, if a GAN has memorised
    the real ones, and if the range of values is not that of all of X: if bytes use only a small part of theirs,
    channels differ, or single values, such as NoData, are far from all others.

    Parameters
    ----------
    method : str
        One of METHODS: a GAN variant, or "smote", "borderline_smote", "safe_level_smote", "image_transforms",
        "rand_augment", "duplicates", "random_oversampling".
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
            resampled: tuple[Any, Any] = super().fit_resample(_plain("X", X), _plain("y", y), **params)
        except (ValueError, TypeError) as error:
            # Some messages of scikit-learn's hold whole arrays, and some advice on other estimators.
            if "\n" not in str(error) and len(str(error)) <= _LONGEST_MESSAGE:
                raise
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(textwrap.shorten(str(error), _LONGEST_MESSAGE, placeholder=" ...")) from error
        return resampled

    def check_arrays(self, X: Any, y: Any) -> tuple[Array, Array, bool]:
        """X as an array [N, C, H, W], y as classes [N], and whether y was one-versus-all."""
        _refuse_beyond_memory(8 * math.prod(np.shape(X)), "X as floats")
        # check_target_type knows arrays alone.
        y, one_versus_all = check_target_type(
            np.asarray(y) if isinstance(y, list | tuple) else y, indicate_one_vs_all=True
        )
        # Whatever scikit-learn was told to assume: with a NaN all images that are made would be of NaN.
        with config_context(assume_finite=False):
            X, y = validate_data(self, X=X, y=y, reset=True, ensure_2d=False, allow_nd=True)
        _check_strategy(self.sampling_strategy, y)
        if X.ndim != 4 or not X.size:
            raise ValueError(f"X has shape {X.shape}; images [N, channels, height, width] are needed")
        if _has_channels_last(X.shape):
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
        self._check_numbers(X, asked)
        # 20.0 images are 20.
        added = {label: int(number) for label, number in asked.items()}
        device = self._usable_device()
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
            classes[label]: _report_class(
                made[new == label], scaled, labels == label, method=self.method, num_classes=len(added)
            )
            for label in added
        }
        self.num_distinct_ = {name: each.num_distinct for name, each in found.items()}
        notes += [note for name, each in found.items() for note in self._faults(str(name), each)]
        for note in notes:
            _warn(note)
        self.report_ = ResampleReport(method=self.method, classes=found, notes=(*notes, *_UNKNOWN))
        new_classes = classes[new].astype(y.dtype)
        return np.concatenate([X, pixels.from_unit(made, X.dtype)]), np.concatenate([y, new_classes])

    def _faults(self, name: str, found: ClassReport) -> Iterator[str]:
        if found.has_collapsed:
            yield (
                f"class {name!r}: {self.method} has collapsed; its {found.num_compared} images show "
                f"{found.num_distinct} different ones"
            )
        if found.is_memorised:
            copied, compared = found.real_copied
            yield (
                f"class {name!r}: {self.method} has memorised real images; {found.num_copies} of "
                f"{found.num_distinct} different images copy one, among real ones {copied} of {compared}; "
                f"{found.num_exact} of all {found.num_compared} are nearly equal to one"
            )

    def _check_numbers(self, X: Array, added: Mapping[int, float]) -> None:
        """Raises ValueError for half an image or no number, and for more than fit into memory."""
        if not all(math.isfinite(number) and number == int(number) for number in added.values()):
            raise ValueError(f"sampling_strategy: {self.sampling_strategy!r}; numbers of images must be whole")
        # As floats to learn from, and as the images that are made.
        num_bytes = int(len(X) + sum(added.values())) * math.prod(X.shape[1:]) * (4 + X.itemsize)
        _refuse_beyond_memory(num_bytes, f"sampling_strategy: {sum(added.values()):,} new images")

    def _usable_device(self) -> torch.device:
        """Where a GAN is trained; raises ValueError if nothing can be computed on what was asked for."""
        wanted = ("cuda" if torch.cuda.is_available() else "cpu") if self.device is None else self.device
        try:
            device = torch.device(wanted)
            torch.zeros(1, device=device).cpu()
        # torch has an error of another kind for each way in which a device can be none, or not be there.
        except Exception as error:
            raise ValueError(f"device: {wanted!r} cannot be used ({' '.join(str(error).split())})") from None
        return device

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


def _plain(name: str, value: Any) -> Any:
    """`value` without what scikit-learn cannot read: a tensor, a list of some, and pandas' own types of numbers.

    Raises ValueError for a mask, and TypeError for a tensor that has no numbers that NumPy knows.
    """
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} is a masked array, and methods know no mask; {name}.filled(value) gives one without"
        )
    try:
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return np.stack([array_of(each) for each in value])
        if isinstance(value, Tensor):
            return array_of(value)
    except DataError as error:
        raise TypeError(f"{name}: {error}") from None
    numpy_dtype = getattr(getattr(value, "dtype", None), "numpy_dtype", None)
    # A Series is given back as one.
    return value if numpy_dtype is None or hasattr(value, "index") else value.to_numpy(dtype=numpy_dtype)


def _check_strategy(strategy: Any, y: Array) -> None:
    """Raise ValueError for numbers of images that imbalanced-learn would take, or fail on without a word."""
    if isinstance(strategy, bool):
        raise ValueError(f"sampling_strategy: {strategy!r} is no number")
    wanted = strategy(y) if callable(strategy) else strategy
    if isinstance(wanted, str | numbers.Real):
        return
    if not isinstance(wanted, dict):
        given = "the function gives " if callable(strategy) else ""
        raise ValueError(f"sampling_strategy: {given}{wanted!r}; a dict of classes and numbers is needed")
    if odd := [number for number in wanted.values() if not isinstance(number, numbers.Real)]:
        raise ValueError(f"sampling_strategy: {odd[0]!r} is no number of images")


def _refuse_beyond_memory(num_bytes: float, what: str) -> None:
    try:
        refuse_beyond_memory(num_bytes, what)
    except UserError as error:
        raise ValueError(str(error)) from None


def _has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the shape is rather that of images [N, H, W, C]: squares, or 1, 3 or 4 channels there alone."""
    _, first, second, last = shape
    return (last in _CHANNELS and first not in _CHANNELS) or _LEAST_SIDE <= first == second > last


def _report_class(
    made: npt.NDArray[np.float32],
    real: npt.NDArray[np.float32],
    is_own: npt.NDArray[np.bool_],
    *,
    method: str,
    num_classes: int,
) -> ClassReport:
    """What `method` added to one of `num_classes` classes: images `made` [N, C, H, W], beside all `real` ones.

    `is_own` [M] marks the class among these; the distances of all stand for those within a class of one.
    """
    first = np.array(first_rows(torch.from_numpy(real)))
    own_rows, other_rows = np.unique(first[is_own]), np.setdiff1d(first, first[is_own])
    all_real = real.reshape(len(real), -1)
    few, own = made[:_MOST_COMPARED].reshape(min(len(made), _MOST_COMPARED), -1), all_real[own_rows]
    near = repeat_distance(own if len(own) > 1 else all_real[:_MOST_COMPARED], seed=0)
    repeats, of_real = (find_repeats(each[:_MOST_COMPARED], nearer_than=near) for each in (few, own))
    # Nothing is held out: the method learned from all images.
    found = measure_memorisation(few, own, own[:0], others=all_real[other_rows], seed=0)
    can_tell = method in VARIANTS and found.can_tell(num_classes=num_classes)
    return ClassReport(
        num_real=int(is_own.sum()),
        num_added=len(made),
        num_compared=len(few),
        num_distinct=repeats.num_distinct,
        num_copies=found.copied.number,
        num_exact=found.exact.number,
        copied_interval=found.copied.interval,
        real_copied=(found.copied_real.number, found.copied_real.total),
        # Copies that repeat one another are what is asked for.
        has_collapsed=method not in _COPIES and has_collapsed(repeats, of_real),
        is_memorised=found.is_found(num_classes=num_classes) if can_tell else None,
    )


def _warn(text: str) -> None:
    """Warn of the line that calls `fit_resample`, from behind functions of the libraries and of this package."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_ON_BY:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


class BalancedDataset(Dataset[tuple[Tensor, int]]):
    """A torch `Dataset` of real images, and after them the images that a sampler adds.

    A real image is read from `real` on each access. All are read once beforehand, so that the sampler can learn
    from them. Added images have the dtype of the real ones.

    Parameters
    ----------
    real : torch.utils.data.Dataset
        Images [C, H, W] and labels, which are whole numbers.
    sampler : ImageOverSampler
        What adds images.

    Raises
    ------
    ValueError
        For items that are no image and label, images of several shapes, and labels that are not whole.

    Examples
    --------
    >>> import torch
    >>> from gan_study import BalancedDataset, ImageOverSampler
    >>> real = torch.utils.data.TensorDataset(torch.rand(12, 1, 8, 8), torch.tensor([0] * 8 + [1] * 4))
    >>> balanced = BalancedDataset(real, ImageOverSampler("duplicates", random_state=0))
    >>> len(balanced), balanced[-1][1]
    (16, 1)
    """

    @checked_arguments
    def __init__(self, real: MapDataset, sampler: ImageOverSampler) -> None:
        try:
            items = list(images_and_labels(real, "real"))
        except DataError as error:
            raise ValueError(str(error)) from None
        if isinstance(items[0][0], Image):
            raise ValueError(
                "real: its items are Pillow images; [C, H, W] is needed, as torchvision's ToTensor makes them"
            )
        arrays = [np.asarray(_plain("real", image)) for image, _ in items]
        if len(shapes := {array.shape for array in arrays}) > 1:
            raise ValueError(
                f"real: images of one shape are needed; their shapes include {min(shapes)} and others"
            )
        images, labels = np.stack(arrays), np.array([_whole(label) for _, label in items])
        all_images, all_labels = sampler.fit_resample(images, labels)
        self.real = real
        self.made = torch.as_tensor(all_images[len(items) :])
        self.made_labels: list[int] = all_labels[len(items) :].tolist()
        self.num_real = len(items)

    def __len__(self) -> int:
        return self.num_real + len(self.made)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range; there are {len(self)} images")
        place = index % len(self)
        if place >= self.num_real:
            # A copy, which a transform may change in place.
            return self.made[place - self.num_real].clone(), self.made_labels[place - self.num_real]
        image, label, *_ = self.real[place]
        return torch.as_tensor(image), _whole(label)


def _whole(label: Any) -> int:
    """A label as an int, which cuts nothing off; raises ValueError if it would."""
    try:
        whole = int(label)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != label:
        raise ValueError(f"label {' '.join(reprlib.repr(label).split())} is not a whole number")
    return whole
