"""A second look at class folders: masks among the images, two forms of one set, folders that may be patients."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.pixels import read_picture
from gan_study.trainables.data.reading.companions import MASKS
from gan_study.trainables.data.reading.folder_names import are_numbered, is_idle, words_of
from gan_study.trainables.data.reading.folder_tree import MOST_LEFT_OVER, Place, joined
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.layout import Arrangement

# What a partner's name has more than that of its image: "-d.bmp", "_label.png", or another ending alone.
_JPEG = frozenset({".jpg", ".jpeg", ".jfif"})
_LONGEST_SUFFIX, _LEAST_PARTNERS = 16, 3
# A mask has few levels; a photograph's four most frequent ones are a small part of it.
_LEVELS, _MASK_SHARE, _IMAGE_SHARE, _LOOKED_AT = 4, 0.95, 0.8, 5
# Words for forms in which one set is handed out.
_FORMS = frozenset({"png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp", "dicom", "dcm", "npy"})
_FORMS |= {"rgb", "depth", "gray", "grey", "grayscale", "greyscale", "color", "colour", "colored", "coloured"}
_FORMS |= {
    "ir",
    "nir",
    "thermal",
    "infrared",
    "thumbs",
    "thumbnails",
    "full",
    "raw",
    "processed",
    "dir",
    "resized",
}
_SAME_NAMES = 0.9
# Names that are numbered and are classes all the same: ImageNet's, grades.
_NUMBERED_CLASSES = re.compile(
    r"n\d{8}|\d+|(?:class|grade|level|stage|type|category|cat|label|c|l|s)[\W_]*\d+", re.I
)
# No words: "IMD002", "TCGA-A1-A0SB", "30601258@N03".
_CODE = re.compile(r"(?=.*\d)(?!.*[^\W\d_]{5})[\w@-]+")
_FEWEST_CARRIERS = 3


def second_look(found: Arrangement, root: Path) -> Arrangement:
    """`found` without masks among the images, and with notes on what its folders may be besides classes.

    Raises DataError if the folders are forms of one set, with the same names in each.
    """
    _refuse_forms(found)
    masks, notes = _partners(found, root)
    parts = {
        part: {place: name for place, name in of.items() if place not in masks} for part, of in found.parts.items()
    }
    passed = joined(
        [found.passed_over, {MASKS: tuple(place for of in found.parts.values() for place in of if place in masks)}]
    )
    names = sorted(set(found.parts["train"].values()), key=one_form)
    return replace(found, parts=parts, passed_over=passed, notes=(*found.notes, *notes, *_may_be_carriers(names)))


def _refuse_forms(found: Arrangement) -> None:
    stems: dict[str, set[str]] = {}
    for of in found.parts.values():
        for place, name in of.items():
            stems.setdefault(name, set()).add(one_form(place.stem))
    words = [{*words_of(name)} for name in stems]
    if not all(
        each & _FORMS and all(word in _FORMS or word.isdigit() or is_idle(word) for word in each) for each in words
    ):
        return
    smallest, common = min(map(len, stems.values())), set.intersection(*stems.values())
    if len(common) >= _SAME_NAMES * smallest:
        raise DataError(
            f"the folders {', '.join(map(shown, stems))} are named as versions of one set, and their images have "
            "the same names; leave out all but one with data.exclude, and give the classes in a table "
            "(data.labels)"
        )


def _partners(found: Arrangement, root: Path) -> tuple[Collection[Place], Sequence[str]]:
    """The masks among the images, and a note on images that have partners which are none."""
    places = [place for of in found.parts.values() for place in of]
    of_suffix: dict[str, dict[Place, Place]] = {}
    known: dict[tuple[Place, str], list[Place]] = {}
    for place in places:
        known.setdefault((place.parent, place.stem), []).append(place)
    for place in places:
        if (base := _base_of(place, known)) is not None:
            suffix = place.stem[len(base.stem) :] + place.suffix.lower()
            of_suffix.setdefault(suffix, {})[place] = base
    masks: set[Place] = set()
    notes = []
    for suffix, partners in of_suffix.items():
        originals = len(places) - sum(map(len, of_suffix.values()))
        if len(partners) < max(_LEAST_PARTNERS, (1 - MOST_LEFT_OVER) * originals):
            continue
        pairs = sorted(partners.items())[:: max(1, len(partners) // _LOOKED_AT)][:_LOOKED_AT]
        if all(_is_mask(root / partner, root / base) for partner, base in pairs):
            masks |= partners.keys()
        else:
            partner, base = pairs[0]
            notes.append(
                f"nearly all images have a partner whose name ends in {shown(suffix)} "
                f"({shown(base.name)}, {shown(partner.name)}), and both are read; if it is another version of the "
                f"same image, data.exclude=*{shown(suffix)} leaves it out"
            )
    return masks, notes


def _base_of(place: Place, known: Mapping[tuple[Place, str], Sequence[Place]]) -> Place | None:
    """The image in the same folder whose name that of `place` continues, by no digit, or has in another format.

    Of two files of one name a JPEG is the image, as masks are kept without loss; else the first by its ending.
    """
    for length in range(1, min(_LONGEST_SUFFIX, len(place.stem) - 1) + 1):
        bases = known.get((place.parent, place.stem[:-length]))
        if bases and not place.stem[-length].isdigit():
            return bases[0]
    same = min(known[place.parent, place.stem], key=lambda each: (each.suffix.lower() not in _JPEG, each.suffix))
    return None if same == place else same


def _is_mask(partner: Path, base: Path) -> bool:
    """Whether a file has few levels, and the one that it may be the mask of has many."""
    try:
        return _share(partner) >= _MASK_SHARE and _share(base) < _IMAGE_SHARE
    except DataError:
        return False


def _share(path: Path) -> float:
    """The share of a file's pixels that have its most frequent levels."""
    pixels = read_picture(path).pixels
    flat = pixels.reshape(-1, pixels.shape[2]) if pixels.ndim == 3 else pixels.reshape(-1, 1)
    _, counts = np.unique(flat, axis=0, return_counts=True)
    return float(np.sort(counts)[-_LEVELS:].sum() / counts.sum())


def _may_be_carriers(names: Sequence[str]) -> Iterator[str]:
    """A note where the names of all classes are codes, as those of patients and users are."""
    if len(names) < _FEWEST_CARRIERS or all(map(_NUMBERED_CLASSES.fullmatch, names)):
        return
    if are_numbered(names) or all(map(_CODE.fullmatch, names)):
        yield (
            f"the names of the classes are numbers and codes ({first_names(names)}); if each is a patient, a "
            "user or a case and not a class, a table with the columns path and label gives the classes"
        )
