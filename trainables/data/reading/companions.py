"""Pictures that describe or repeat others: masks, thumbnails, and what has no class."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from gan_study.trainables.data.reading import folder_names
from gan_study.trainables.data.reading.folder_names import is_no_class, is_version, part_named, plain, words_of
from gan_study.trainables.data.reading.folder_tree import MOST_LEFT_OVER, VERSIONS, Place

MASKS, THUMBNAILS = "masks of other images", "thumbnails of other images"
UNLABELLED = "images without a class"

# What a mask's name has more than that of its picture: "benign (1)_mask.png", "benign (1)_mask_1.png".
_OF_MASK = re.compile(
    r"[ _.-]*(?:mask|masks|segmentation|seg|gt|groundtruth|contours?|annotation|overlay)(?:[ _-]?\d+)?$",
    re.IGNORECASE,
)
# What masks are of or by, in names of their folders: "lung masks", "leftMask", "ManualMask". Not "with_mask".
_MASK_WORDS = frozenset({"mask", "masks"})
_BESIDE_MASK = frozenset(
    {"left", "right", "manual", "auto", "automatic", "lung", "lungs", "infection", "binary", "image"}
)
_BESIDE_MASK |= {
    "images",
    "lesion",
    "tumor",
    "tumour",
    "vessel",
    "cell",
    "nuclei",
    "instance",
    "semantic",
    "bone",
    "skin",
}
_BESIDE_MASK |= {"ground", "truth", "gt", "segmentation", "seg", "heart", "liver", "organ", "png"}


def without_companions(
    pictures: Sequence[Place], *, keeps_versions: bool = False
) -> tuple[tuple[Place, ...], Mapping[str, tuple[Place, ...]]]:
    """The pictures without those that describe or repeat others or have no class; these by reason.

    With `keeps_versions`, augmented and resized ones of a class stay.
    """
    reasons = _companion_folders(pictures)
    if keeps_versions:
        reasons = {folder: reason for folder, reason in reasons.items() if reason != VERSIONS}
    stems = {picture.with_suffix("") for picture in pictures}
    kept: list[Place] = []
    passed: dict[str, list[Place]] = {}
    for picture in pictures:
        reason = next((reasons[folder] for folder in picture.parents if folder in reasons), None)
        base = _OF_MASK.sub("", picture.stem)
        if reason is None and base not in ("", picture.stem) and picture.with_name(base) in stems:
            reason = MASKS
        (kept if reason is None else passed.setdefault(reason, [])).append(picture)
    return tuple(kept), {reason: tuple(places) for reason, places in passed.items()}


def _companion_folders(pictures: Sequence[Place]) -> Mapping[Place, str]:
    """The folders whose pictures go with others, and how.

    One that is named so is it if it lies in a folder of pictures, beside one or beside parts, or if its folders
    and files have the names of others: "segmentations/001/a.png" beside "images/001/a.jpg".
    """
    folders = {folder for picture in pictures for folder in picture.parents} - {PurePosixPath()}
    with_loose = {picture.parent for picture in pictures}
    around_pictures = {folder.parent for folder in folders if folder_names.holds_pictures(folder.name)}
    beside: dict[Place, set[str]] = {}
    for folder in folders:
        beside.setdefault(folder.parent, set()).add(plain(folder.name))
    named = {
        reason: [
            folder
            for folder in folders
            if plain(folder.name) in names
            or _is_named(folder, reason)
            or (reason == MASKS and _describes(folder.name) in beside[folder.parent] - {""})
        ]
        for reason, names in (
            (MASKS, folder_names.MASKS),
            (THUMBNAILS, folder_names.THUMBNAILS),
            (VERSIONS, frozenset[str]()),
            (UNLABELLED, folder_names.WITHOUT_CLASS),
        )
    }
    found: dict[Place, str] = {
        folder: UNLABELLED for folder in named.pop(UNLABELLED) if len(beside[folder.parent]) > 1
    }
    left: list[Place] = []
    for reason, candidates in named.items():
        for folder in candidates:
            others = beside[folder.parent] - {plain(folder.name)}
            is_beside = bool(others & folder_names.PICTURES)
            is_beside |= any(map(part_named, others)) and plain(folder.name) in folder_names.MASKS
            is_beside |= reason == MASKS and folder.parent in around_pictures
            is_beside |= reason == MASKS and _without_mask(folder.name) in others - {""}
            if is_beside or folder.parent in with_loose or _repeats_others(folder, pictures):
                found[folder] = reason
            elif reason == MASKS and len(words_of(folder.name)) > 1:
                left.append(folder)
    return found | dict.fromkeys(_with_namesakes(left, pictures), MASKS)


def _without_mask(name: str) -> str:
    """The words of a folder's name but those for masks, as one: "train" of "train_masks"."""
    return plain(" ".join(word for word in words_of(name) if word not in _MASK_WORDS))


def _describes(name: str) -> str:
    """The words of a folder's name but those for what describes pictures, as one: "trout" of "Trout GT"."""
    known = folder_names.MASKS - _MASK_WORDS
    words = words_of(name)
    return plain(" ".join(word for word in words if word not in known)) if known & {*words} else ""


def _is_named(folder: Place, reason: str) -> bool:
    """Whether a folder is named as one of masks or of versions, among other words: "leftMask", "augmented_1"."""
    words = [word for word in words_of(folder.name) if not word.isdigit()]
    if reason == MASKS:
        others = [word for word in words if word not in _MASK_WORDS]
        return len(others) < len(words) and all(word in _BESIDE_MASK or part_named(word) for word in others)
    return reason == VERSIONS and len(folder.parts) > 1 and is_version(folder.name) and is_no_class(folder.name)


def _with_namesakes(folders: Sequence[Place], pictures: Sequence[Place]) -> Iterator[Place]:
    """Those of the `folders` whose pictures have namesakes beside them, nearly all: "CXR/1.png", "mask/1.png"."""
    around: dict[Place, list[Place]] = {folder.parent: [] for folder in folders}
    for picture in pictures if folders else ():
        for parent in picture.parents:
            if parent in around:
                around[parent].append(picture)
    for folder in folders:
        own = {each.stem for each in around[folder.parent] if each.is_relative_to(folder)}
        beside = {each.stem for each in around[folder.parent] if not each.is_relative_to(folder)}
        if len(own & beside) > (1 - MOST_LEFT_OVER) * len(own):
            yield folder


def _repeats_others(folder: Place, pictures: Sequence[Place]) -> bool:
    """Whether nearly all that lies in folders of `folder` has a namesake, with its folder, outside of it.

    Masks that are called so may differ in their words: "mask_image/mask_01/mask_7" of "fish_image/fish_01/fish_7".
    """
    own = [each for each in pictures if each.is_relative_to(folder)]
    if any(len(each.parts) < len(folder.parts) + 2 for each in own):
        return False
    are_masks = all(_MASK_WORDS & {*words_of(each.stem)} for each in own)
    name = _numbers if are_masks else _name_in_folder
    others = {name(each) for each in pictures if not each.is_relative_to(folder)} - {()}
    return sum(name(each) in others for each in own) > (1 - MOST_LEFT_OVER) * len(own)


def _name_in_folder(picture: Place) -> tuple[str, ...]:
    return picture.parent.name, picture.stem


def _numbers(picture: Place) -> tuple[str, ...]:
    """The numbers in the names of a picture and its folder."""
    return tuple(word for word in words_of(" ".join(_name_in_folder(picture))) if word.isdigit())
