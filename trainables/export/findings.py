"""The findings on the synthetic images of a class, and which of them stop an export."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field

from gan_study.trainables.base.settings import UserError, settings
from gan_study.trainables.export.filling import Filling
from gan_study.trainables.image_quality.class_quality import ClassQuality
from gan_study.trainables.image_quality.memorisation import Memorisation, Share

Fault: TypeAlias = Literal["memorised", "collapsed", "missing"]
Verdict: TypeAlias = Literal["memorised", "nothing found", "too few images"]
# The option that overrules each fault.
OVERRULED_BY: Mapping[Fault, str] = {
    "memorised": "--allow-memorised",
    "collapsed": "--allow-collapsed",
    "missing": "--allow-missing",
}
# What the images of a class with the fault are like, and what an export that allows it writes.
_MEANINGS: Mapping[Fault, str] = {
    "memorised": "the generator has memorised its training images of {}; {} writes only images that are "
    "not copies",
    "collapsed": "the generator has collapsed to a few images of {}; {} writes the folder anyway",
    "missing": "images of {} are missing, because the images drawn for them were copies of real ones or "
    "were rejected by the filter; {} writes the folder without them",
}
_MOST_NAMED = 3


@settings
class CountedShare:
    """A count out of a total, with the 95 % interval of the share (Wilson 1927)."""

    number: int
    total: int
    low: float | None = None
    """None if there are no images."""
    high: float | None = None
    """None if there are no images."""


@settings
class ClassFindings:
    """The findings on a class's synthetic images; memorisation in the generator's first draw, including copies."""

    verdict: Verdict
    """Whether the generator has memorised its training images."""
    copied: CountedShare
    """The share of distinct images in the first draw that copy a training image of any class."""
    copied_elsewhere: int = 0
    """How many of these copy an image of another class."""
    copied_real: CountedShare
    """The same for real images: held-out ones, and training images compared with the others."""
    exact: CountedShare | None = None
    """Images in the first draw, including repeats, that are nearly equal to a training image; None in folders of
    earlier versions."""
    exact_real: CountedShare | None = None
    """The same for real images."""
    least_copies: int | None
    """How many copies would have stopped the export; None if no number would have."""
    membership_auc: float | None
    """How well the nearest synthetic image distinguishes training images from held-out ones; 0.5: not at all."""
    membership_low: float | None
    """The lower end of its 95 % interval."""
    membership_high: float | None
    """The upper end of its 95 % interval."""
    num_training: int
    """Distinct real images that the generator was trained on."""
    num_held_out: int
    """Real images that it has not seen."""
    num_distinct_real: int
    """Distinct images among those it was trained on; near-copies count once."""
    has_collapsed: bool
    """Whether its images show hardly more than five different ones."""
    is_short: bool = False
    """Whether images could not be made."""
    scores: Mapping[str, float | None] = Field(default_factory=dict)
    """Scores of the images in the folder: unrealistic, unvaried, memorised, underrepresented, each in [0, 1] (0
    is best), the metrics of `class_quality`, and NAME_floor for real images instead; None with too few."""
    flags: tuple[str, ...] = ()
    """What `class_quality` warns of."""
    features: str | None = None
    """The features used to compare images: domain, inception, backbone."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The problems of the images."""
        found: dict[Fault, bool] = {
            "memorised": self.verdict == "memorised",
            "collapsed": self.has_collapsed,
            "missing": self.is_short,
        }
        return tuple(fault for fault, is_found in found.items() if is_found)


def describe_findings(filling: Filling, quality: ClassQuality | None, *, num_classes: int) -> ClassFindings:
    """The findings of one of `num_classes` filled classes; without `quality` there are no scores."""
    found = filling.memorisation
    auc, low, high = found.membership or (None, None, None)
    return ClassFindings(
        verdict="memorised" if filling.has_only_copies else _verdict(found, num_classes=num_classes),
        copied=_counted(found.copied),
        copied_elsewhere=found.copied_elsewhere,
        copied_real=_counted(found.copied_real),
        exact=_counted(found.exact),
        exact_real=_counted(found.exact_real),
        least_copies=found.least_copies(num_classes=num_classes),
        membership_auc=auc,
        membership_low=low,
        membership_high=high,
        num_training=found.num_training,
        num_held_out=found.num_held_out,
        num_distinct_real=filling.num_distinct_real,
        has_collapsed=filling.has_collapsed,
        is_short=filling.num_missing > 0,
        scores=dict(quality.metrics) if quality else {},
        flags=quality.flags if quality else (),
        features=quality.features if quality else None,
    )


def refuse_faults(found: Mapping[str, ClassFindings], *, allowed: frozenset[Fault]) -> None:
    """Raise UserError, in one line, if classes have a fault that is not `allowed`."""
    sentences = [
        _say_fault(fault, {name: each for name, each in found.items() if fault in each.faults})
        for fault in OVERRULED_BY
        if fault not in allowed and any(fault in each.faults for each in found.values())
    ]
    if sentences:
        raise UserError(f"not exported: {'; '.join(sentences)}, and the card says so")


def say_memorised(name: str, found: ClassFindings) -> str:
    """The findings on a memorised class, as a clause."""
    if found.num_training == 1:
        return f"class {name!r} (only one training image to learn from)"
    elsewhere = f", {found.copied_elsewhere} of them one of another class" if found.copied_elsewhere else ""
    said = [f"{found.copied.number} of {found.copied.total} different images copy a training image{elsewhere}"]
    if found.exact is not None and found.exact.number > found.copied.number:
        said[0] += f", and {found.exact.number} of all {found.exact.total} are nearly equal to one"
    if found.copied_real.total:
        said.append(f"of the real images {found.copied_real.number} of {found.copied_real.total}")
    if found.membership_auc is not None:
        said.append(
            f"membership AUC {found.membership_auc:.2f} [{found.membership_low:.2f}, {found.membership_high:.2f}]"
        )
    return f"class {name!r} ({', '.join(said)})"


def _say_fault(fault: Fault, found: Mapping[str, ClassFindings]) -> str:
    said = [say_memorised(*each) if fault == "memorised" else f"class {each[0]!r}" for each in found.items()]
    listed = ", ".join(said[:_MOST_NAMED]) + (", ..." if said[_MOST_NAMED:] else "")
    return _MEANINGS[fault].format(listed, OVERRULED_BY[fault])


def _verdict(found: Memorisation, *, num_classes: int) -> Verdict:
    if found.is_found(num_classes=num_classes):
        return "memorised"
    return "nothing found" if found.can_tell(num_classes=num_classes) else "too few images"


def _counted(share: Share) -> CountedShare:
    low, high = share.interval or (None, None)
    return CountedShare(number=share.number, total=share.total, low=low, high=high)
