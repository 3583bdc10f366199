"""What the names of folders say: which part of a data set, a piece of it, or what goes with the pictures."""

import re
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["train", "validation", "test"]

# The words that name a part of a data set, in folders named "Training", "seg_train", "test_images" or "val2017".
_PART_WORDS: Mapping[Part, frozenset[str]] = {
    "train": frozenset({"train", "training", "trn", "trainset", "traindata"}),
    "validation": frozenset({"val", "valid", "validation", "dev", "validate", "valset"}),
    # Who is to be found again, and among whom, where sets are made for finding (Market-1501).
    "test": frozenset(
        {"test", "testing", "tst", "testset", "testdata", "holdout", "eval", "evaluation", "query", "gallery"}
    ),
}
# A part to train on, beside one to test and none of another name.
_DEVELOPMENT = frozenset({"development", "developmentset", "devel"})
# Words beside them that say nothing of which part it is.
_IDLE_WORDS = frozenset(
    {"data", "dataset", "datasets", "set", "split", "folder", "images", "image", "imgs", "img"}
)
_IDLE_WORDS |= frozenset({"pictures", "photos", "jpg", "jpeg", "png", "seg", "raw", "all", "new", "final", "full"})
# The last two end the name of a folder that GitHub packed: "dataset-master".
_IDLE_WORDS |= frozenset({"labeled", "labelled", "annotated", "classes", "jpegimages", "master", "main"})
# Names of folders that divide a set because it is large, not because its images differ.
_PIECE_WORDS = _IDLE_WORDS | {
    "part",
    "parts",
    "batch",
    "chunk",
    "archive",
    "zip",
    "volume",
    "vol",
    "fold",
    "piece",
}
# What carries pictures, one folder each, and is no class of them.
CARRIER_WORDS = frozenset({"patient", "subject", "case", "study", "visit", "session", "series", "scan", "slide"})
CARRIER_WORDS |= frozenset({"video", "clip", "sequence", "participant"})
# Beside the word for a part: a smaller one of the same.
_SMALLER_WORDS = frozenset({"mini", "small", "tiny", "sample", "subset"})
PICTURES = frozenset({"images", "image", "imgs", "img", "pictures", "photos", "originals", "original", "raw"})
PICTURES |= frozenset({"jpegimages"})
# Beside one other folder these are no class of two.
NO_CLASS_OF_TWO = PICTURES - {"pictures", "photos"} | {"scene", "scenes"}
MASKS = frozenset({"mask", "masks", "groundtruth", "segmentation", "segmentations", "annotation", "annotations"})
MASKS |= frozenset({"segmentationclass", "segmentationobject", "annot", "trainannot", "valannot", "testannot"})
MASKS |= frozenset({"label", "labels", "gt", "trimaps", "maskimages", "labelimages"})
THUMBNAILS = frozenset({"thumb", "thumbs", "thumbnail", "thumbnails", "preview", "previews"})
WITHOUT_CLASS = frozenset({"unlabeled", "unlabelled", "unannotated", "unsup", "unsupervised"})

# Of folders whose pictures were made of others, and of those that are no classes beside others.
_VERSION_WORDS = frozenset({"augmented", "augmentation", "augmentations", "augment", "aug", "flipped", "rotated"})
_VERSION_WORDS |= frozenset(
    {"compressed", "mirrored", "cropped", "crops", "crop", "resized", "rescaled", "downsampled", "backup"}
)
_ORIGINAL_WORDS = frozenset({"original", "originals"})
_NO_CLASS_WORDS = frozenset({"pred", "preds", "predict", "prediction", "predictions", "predicted", "inference"})
_NO_CLASS_WORDS |= frozenset(
    {"submission", "submissions", "figure", "figures", "figs", "plots", "results", "result"}
)
_NO_CLASS_WORDS |= frozenset({"output", "outputs", "screenshot", "screenshots", "example", "examples", "demo"})
_NO_CLASS_WORDS |= frozenset({"doc", "docs", "documentation", "assets", "readme", "notebooks", "logs", "heatmaps"})
_NO_CLASS_WORDS |= frozenset({"sample", "samples"})
# What grows on a field, beside weed.
_PERHAPS_CLASSES = frozenset({"crop", "crops"})

_WORD = re.compile(r"[^\W\d_]+|\d+")
# What numbers patients: "P000", "ID_0012", "10253".
_CODE = re.compile(r"([a-zA-Z]{1,3}[-_ ]?)?\d{3,}")
_RANGE = re.compile(r"\d{3,}\s*[-_]\s*\d{3,}")
# "a. Training Set", "1) Images"
_ENUMERATED = re.compile(r"^\(?(?:[a-zA-Z]|\d{1,2})[.)]\s+")


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, numbers apart: "seg_train", "TrainImages" and "part2" have two.

    What only enumerates is left out: "a. Training Set" has two.
    """
    return [word.lower() for word in _WORD.findall(_with_words_apart(_ENUMERATED.sub("", name)))]


def plain(name: str) -> str:
    """The words of a name without its numbers, as one."""
    return "".join(word for word in words_of(name) if not word.isdigit())


def part_named(name: str) -> Part | None:
    """The part of a data set that a folder of this name is: "Training", "seg_train", "test_images", "val2017"."""
    words = [word for word in words_of(name) if not word.isdigit() and word not in _IDLE_WORDS]
    return _part_called(words[0]) if len(words) == 1 else None


def part_in(name: str) -> Part | None:
    """The part that a name speaks of among other words: "ISIC_2019_Training_Input"; None for none or several."""
    parts = {part for word in words_of(name) if (part := _part_called(word)) is not None}
    return parts.pop() if len(parts) == 1 else None


def names_train_and_validation(name: str) -> bool:
    """Whether a name speaks of these two parts as one: "trainval", "train_val_list"."""
    words = {*words_of(name)}
    return "trainval" in words or {_part_called(word) for word in words} - {None} == {"train", "validation"}


def _is_of_both(name: str) -> bool:
    """Whether a name speaks of training and validation and of nothing else: "Training and Validation"."""
    return names_train_and_validation(name) and is_nothing_of_its_own(name, {"trainval", "and"})


def parts_among(names: Collection[str]) -> Mapping[str, Part]:
    """The part that each of the folders of these `names`, beside one another, is; what is none is left out.

    By its own name, or since it differs from others in the part alone: "alphabet_train" and "alphabet_test", also
    beside a "test" of another name. A smaller one, "train_mini", is the part if no other is.
    """
    by_own_name = {name: part for name in names if (part := part_named(name)) is not None}
    if "test" in by_own_name.values() and "train" not in by_own_name.values():
        by_own_name |= {name: "train" for name in names if plain(name) in _DEVELOPMENT or _is_of_both(name)}
    groups = [each for each in _by_other_words(names).values() if "train" in each.values() and len(each) > 1]
    if by_own_name and "train" not in by_own_name.values() and len(groups) == 1:
        # "train_another" and "test_another", beside "test".
        return {**by_own_name, **groups[0]} if "test" not in groups[0].values() else groups[0]
    if by_own_name:
        smaller = {
            name: part for name in names if (part := _part_in_small(name)) not in (None, *by_own_name.values())
        }
        is_only = len(set(smaller.values())) == len(smaller)
        return {**by_own_name, **{name: part for name, part in smaller.items() if part and is_only}}
    return groups[0] if len(groups) == 1 else {}


def classes_and_parts(names: Collection[str]) -> Mapping[str, tuple[str, Part]]:
    """The class and the part that each folder is named after, as in "cats_train" and "cats_test", "dogs_train".

    Empty unless all are named so, in two classes or more, each of which has images to train on.
    """
    groups = _by_other_words(names)
    if len(groups) < 2 or () in groups or sum(map(len, groups.values())) < len(names):
        return {}
    if any("train" not in parts.values() for parts in groups.values()):
        return {}
    if are_versions_of_a_part(names):
        return {}
    return {name: (_without_part(name), part) for parts in groups.values() for name, part in parts.items()}


def is_idle(name: str) -> bool:
    """Whether a name says nothing: "data", "Images_2", "dataset"."""
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and _IDLE_WORDS.issuperset(words)


def holds_pictures(name: str) -> bool:
    """Whether a folder is named as one of pictures, in some version perhaps: "Images", "images_original"."""
    words = {word for word in words_of(name) if not word.isdigit()}
    return bool(words & PICTURES) and words <= PICTURES | _IDLE_WORDS | _VERSION_WORDS


def is_version(name: str) -> bool:
    """Whether a folder's name says that its pictures were made of others: "cats_augmented", "resized_224"."""
    return not _VERSION_WORDS.isdisjoint(words_of(name))


def without_version(name: str) -> list[str]:
    """The words of a name but those that tell originals from what was made of them."""
    return [word for word in words_of(name) if word not in _VERSION_WORDS | _ORIGINAL_WORDS]


def is_no_class(name: str) -> bool:
    """Whether a folder is, by its name, no class beside others: "predictions", "Figures", "crop_part1"."""
    words = [word for word in words_of(name) if not word.isdigit()]
    known = _NO_CLASS_WORDS | _VERSION_WORDS
    if len(words) == 1 and words[0] in _PERHAPS_CLASSES:
        return False
    return not known.isdisjoint(words) and (known | _PIECE_WORDS | _SMALLER_WORDS).issuperset(words)


def is_nothing_of_its_own(name: str, others: Collection[str] = ()) -> bool:
    """Whether all words of a name speak of parts, pieces, patients, masks or pictures, or are among `others`."""
    known = _PIECE_WORDS | CARRIER_WORDS | PICTURES | MASKS | THUMBNAILS | WITHOUT_CLASS
    words = [word for word in words_of(name) if not word.isdigit()]
    return all(word in known or word in others or _part_called(word) is not None for word in words)


def are_numbered(names: Collection[str]) -> bool:
    """Whether names differ in their numbers alone: "part1" and "part2", "images_001" and "images_002"."""
    without = {tuple(word for word in words_of(name) if not word.isdigit()) for name in names}
    return len(names) > 1 and len(without) == 1 and any(char.isdigit() for name in names for char in name)


def are_named_as_pieces(names: Collection[str]) -> bool:
    """Whether names are numbered, or lettered, and speak of pieces of one set: "part1" and "part2", "imagesa"."""
    if are_numbered(names):
        return bool(set(words_of(next(iter(names)))) & _PIECE_WORDS)
    without = {tuple(filter(None, map(_without_letter, words_of(name)))) for name in names}
    return len(names) > 1 and len(without) == 1 and bool(set(without.pop()) & _PIECE_WORDS)


def are_ranges(names: Collection[str]) -> bool:
    """Whether names are ranges of large numbers, as pieces of a class are called: "0001-1000" and "1001-2000"."""
    return all(map(_RANGE.fullmatch, names))


def are_named_as_carriers(names: Collection[str]) -> bool:
    """Whether names are numbered, and speak of what carries pictures: "patient001" and "patient002"."""
    return are_numbered(names) and bool(set(words_of(next(iter(names)))) & CARRIER_WORDS)


def may_be_carriers(names: Collection[str]) -> bool:
    """Whether several names in class folders may be those of patients: "patient_12", "P000" and "P001", "8863"."""
    words = [{*words_of(name)} for name in names]
    return len({*names}) > 1 and (all(CARRIER_WORDS & each for each in words) or all(map(_CODE.fullmatch, names)))


def are_versions_of_a_part(names: Collection[str]) -> bool:
    """Whether all speak of one part, and one says more of it: "resized_train" and "resized_train_cropped"."""
    words = [frozenset(words_of(name)) for name in names]
    parts = {part_in(name) for name in names}
    return len(parts) == 1 and None not in parts and any(one < other for one in words for other in words)


def _without_letter(word: str) -> str:
    """A word that counts pieces, as "imagesb" does, without its letter; nothing of one letter alone."""
    if len(word) == 1:
        return ""
    return word[:-1] if word[:-1] in _PIECE_WORDS and word not in _PIECE_WORDS else word


def _part_in_small(name: str) -> Part | None:
    """The part that "train_mini" is a smaller one of."""
    words = [word for word in words_of(name) if word not in _SMALLER_WORDS]
    return part_named(" ".join(words)) if len(words) < len(words_of(name)) else None


def _part_called(word: str) -> Part | None:
    return next((part for part, known in _PART_WORDS.items() if word in known), None)


def _by_other_words(names: Collection[str]) -> Mapping[tuple[str, ...], Mapping[str, Part]]:
    """The names that speak of a part, and which, by their other words."""
    found: dict[tuple[str, ...], dict[str, Part]] = {}
    for name in names:
        if (part := part_in(name)) is not None:
            others = tuple(word for word in words_of(name) if _part_called(word) is None and not word.isdigit())
            found.setdefault(others, {})[name] = part
    return found


def _without_part(name: str) -> str:
    """A name without the word for its part: "cats" of "cats_train"."""
    left = _WORD.sub(lambda word: "" if _part_called(word[0].lower()) else word[0], _with_words_apart(name))
    return re.sub(r"[\s_.-]{2,}", "_", left).strip(" _.-")


def _with_words_apart(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
