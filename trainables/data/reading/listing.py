"""The pictures of a folder or a table, by part and class, before any is opened; and what became of all others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels, class_counts
from gan_study.trainables.data.reading.class_texts import refuse_invisible_differences
from gan_study.trainables.data.reading.entries import EXCLUDED, NO_PICTURE, Entries, find_entries, matches
from gan_study.trainables.data.reading.folder_tree import PassedOver, Place, tree
from gan_study.trainables.data.reading.folders_or_tables import arrange_folders, arrange_table
from gan_study.trainables.data.reading.in_words import NAMES_SHOWN, first_names
from gan_study.trainables.data.reading.layout import Arrangement
from gan_study.trainables.data.reading.part_lists import note_on_part_lists
from gan_study.trainables.data.reading.repeats import note_on_copies
from gan_study.trainables.data.reading.second_look import second_look
from gan_study.trainables.data.reading.table import ENDINGS
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.split import Indices

# A float32, in which weights are used, has 24 bits.
_MOST_WEIGHT_RATIO = 2**24


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The picture files of one part, in order, before any is opened: `paths` [N] below `root`, `labels` [N]."""

    root: Path
    paths: tuple[Path, ...]
    labels: Labels
    class_names: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    """The group of each, [N]; None unless `data.group` asks for them."""
    weights: npt.NDArray[np.float64] | None = None
    """What each counts in a classifier's loss, [N]; None unless a table says weights, and of a test set."""

    def subset(self, indices: Indices) -> "Listing":
        """The files at `indices`."""
        return replace(
            self,
            paths=tuple(self.paths[i] for i in indices),
            labels=self.labels[indices],
            groups=None if self.groups is None else tuple(self.groups[i] for i in indices),
            weights=None if self.weights is None else self.weights[indices],
        )

    def origins(self) -> tuple[str, ...]:
        """Each file by its path below `root`, as it can be shown; `find_origin` leads back."""
        return tuple(shown(path.relative_to(self.root).as_posix()) for path in self.paths)

    def class_counts(self) -> tuple[int, ...]:
        """Files of each class, in label order."""
        return class_counts(self.labels, len(self.class_names))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A data set as it was found: the pictures to train on, those to test with if they are apart, and the rest."""

    root: Path
    train: Listing
    test: Listing | None
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    """The tables that say the classes."""

    @property
    def num_found(self) -> int:
        """All entries: what is read, and what is skipped."""
        read = len(self.train.paths) + (0 if self.test is None else len(self.test.paths))
        return read + sum(map(len, self.passed_over.values()))

    def passed_over_lines(self) -> tuple[str, ...]:
        """A line for each reason why something is skipped: how many entries, and a few of them."""
        return tuple(
            f"skipped, {reason}: {len(places):,} ({_few(reason, places)})"
            for reason, places in self.passed_over.items()
        )


def data_folder(root: str) -> Path:
    """The folder that pictures are named from: `root` itself, or that of the table that it is."""
    place = expand(root)
    return place.parent if place.is_file() else place


def read_listing(config: DataConfig) -> Reading:
    """What lies in the folder, or stands in the table, that `config.root` is.

    Raises DataError if there is none, or if it cannot be read in one way alone.
    """
    if config.root is None:
        raise DataError("imagefolder needs a folder of images: name it with --data DIR")
    place = expand(config.root)
    if not place.exists():
        raise DataError(f"{place}: no such folder")
    if place.is_file() and place.suffix.lower() not in ENDINGS:
        raise DataError(f"{place}: a folder of images is needed, or a table of them (.csv, .tsv)")
    root = data_folder(config.root)
    entries = find_entries(root, exclude=config.exclude, skip_unreadable=config.skip_unreadable)
    labels = place if place.is_file() else _named_table(config, root)
    try:
        found = arrange_folders(entries, config) if labels is None else arrange_table(labels, entries, config)
        found = found if found.tables else second_look(found, root)
        said = filter(None, (note_on_part_lists(found, entries), note_on_copies(found.passed_over, entries)))
        found = replace(found, notes=(*found.notes, *said))
        reading = _reading(entries, found, has_groups=config.group is not None)
    except DataError as error:
        raise DataError(f"{root}: {error}") from error
    return replace(reading, notes=(*_without_match(entries, config.exclude), *reading.notes))


def _without_match(entries: Entries, exclude: Sequence[str]) -> Iterator[str]:
    """Patterns that leave nothing out, such as misspelt names."""
    excluded = entries.passed_over.get(EXCLUDED, ())
    if idle := [pattern for pattern in exclude if not any(matches(place, pattern) for place in excluded)]:
        yield f"data.exclude leaves nothing out by {first_names(idle)}"


def _named_table(config: DataConfig, root: Path) -> Path | None:
    """The table that `data.labels` names, from here or from the folder of the data."""
    if config.labels is None:
        return None
    here = expand(config.labels)
    found = here if here.is_file() else root / here
    if not found.is_file():
        raise DataError(f"data.labels: {config.labels}: no such file")
    return found


def _reading(entries: Entries, found: Arrangement, *, has_groups: bool) -> Reading:
    classes = tuple(sorted(set(found.parts["train"].values()), key=one_form))
    refuse_invisible_differences(classes)
    groups = found.groups if has_groups else None
    train = listing_of(entries.root, found.parts["train"], classes, groups, found.weights)
    test = None
    if "test" in found.parts:
        odd = sorted({*found.parts["test"].values()} ^ set(classes))
        if odd:
            raise DataError(
                f"the parts to train on and to test differ in their classes; only one of them has "
                f"{first_names(odd)}"
            )
        test = listing_of(entries.root, found.parts["test"], classes, groups)
    alone = 0 if groups is None else sum(place not in groups for of in found.parts.values() for place in of)
    notes = [f"images without a group, each of which is its own: {alone:,}"] if alone else []
    if train.weights is not None:
        notes.append(weights_line(train.weights))
    return Reading(
        root=entries.root,
        train=train,
        test=test,
        passed_over={**entries.passed_over, **found.passed_over},
        notes=(*found.notes, *notes),
        tables=found.tables,
    )


def weights_line(weights: npt.NDArray[np.float64]) -> str:
    """What the weights of pictures are, and what they do."""
    least, mean, most = (f"{each:.4g}" for each in (weights.min(), weights.mean(), weights.max()))
    return (
        f"weights of images in the loss of a classifier: {least} to {most}, {mean} on average; a generated one "
        "has the mean weight of its class, and scores ignore weights"
    )


def listing_of(
    root: Path,
    of_class: Mapping[Place, str],
    classes: Sequence[str],
    groups: Mapping[Place, str] | None = None,
    weights: Mapping[Place, float] | None = None,
) -> Listing:
    """The files of a part, class by class and in the order of their names.

    One that has none of the `groups` is a group of its own. Raises DataError if there are `weights`, and some
    file has none or one that is nothing beside the others.
    """
    labels = {name: label for label, name in enumerate(classes)}
    if len(labels) < 2:
        raise DataError(f"one class ({', '.join(labels)}); a classifier needs at least two")
    ordered = sorted(of_class, key=lambda place: (labels[of_class[place]], place.parts))
    return Listing(
        root=root,
        paths=tuple(root / place for place in ordered),
        labels=np.array([labels[of_class[place]] for place in ordered], dtype=np.int64),
        class_names=tuple(classes),
        groups=None if groups is None else tuple(groups.get(place, f"./{place}") for place in ordered),
        weights=_weights_of(ordered, weights) if weights else None,
    )


def _weights_of(ordered: Sequence[Place], weights: Mapping[Place, float]) -> npt.NDArray[np.float64]:
    missing = [place for place in ordered if place not in weights]
    if missing:
        raise DataError(
            f"{len(missing):,} training images have no weight, but others do "
            f"({_several_places(missing)}); fill the column of weights"
        )
    found = np.array([weights[place] for place in ordered])
    if found.max() > _MOST_WEIGHT_RATIO * found.min():
        raise DataError(
            f"weights of {found.min():g} to {found.max():g}: the least are negligible beside the largest; write a "
            f"smaller range (at most {_MOST_WEIGHT_RATIO:,} times the least)"
        )
    return found


def list_images(root: Path, folder: Path) -> Listing:
    """The images in the class folders of `folder`, with any names, as this package writes them.

    Raises DataError if there is no such folder, or fewer than two classes.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = tree(find_entries(folder).pictures).folders
    of_class = {
        PurePosixPath(folder.relative_to(root), picture): one_form(name)
        for name, each in classes.items()
        for picture in each.pictures
    }
    return listing_of(root, of_class, sorted(set(of_class.values()), key=one_form))


def _few(reason: str, places: Sequence[Place]) -> str:
    """A few of what is skipped; of files that are no pictures, their endings."""
    if reason == NO_PICTURE:
        kinds = Counter(shown(place.suffix.lower()) or "no extension" for place in places)
        return ", ".join(sorted(kinds))
    return _several_places(places)


def _several_places(places: Sequence[Place]) -> str:
    """The first few of places."""
    # One more than are shown says that there are more.
    return first_names([str(place) for place in places[: NAMES_SHOWN + 1]])
