"""What was read, in about ten sentences, so that a person sees before the first trial what was understood."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.imbalance import Imbalance
from gan_study.trainables.data.reading.facts import shape_note, size_range
from gan_study.trainables.data.reading.hardness import hardness_lines
from gan_study.trainables.data.reading.picture import Summary
from gan_study.trainables.data.source import DataConfig

T = TypeVar("T", bound=Hashable)

_CLASSES_SHOWN = 12
_KINDS_SHOWN = 4


def read_back(config: DataConfig, imbalance: Imbalance, pool: Loaded, test: Loaded) -> tuple[str, ...]:
    """What was read of both parts, which classes are rare and why, and what is done to the pictures."""
    return tuple(dict.fromkeys(_sentences(config, imbalance, pool, test)))


def _sentences(config: DataConfig, imbalance: Imbalance, pool: Loaded, test: Loaded) -> Iterator[str]:
    images = pool.images
    where = f" in {config.root}" if config.root else ""
    total = f"{len(images) + len(test.images):,}"
    summaries = [part.summary for part in (pool, test) if part.summary is not None]
    kinds = f"; {_in_words(summaries)}" if summaries else ""
    yield f"{config.name}: {total} images of {len(images.class_names)} classes{where}{kinds}"
    yield f"training + test images, by class: {_counts(pool, test)}"
    if (groups := images.num_groups()) is not None:
        yield (
            f"groups, which no split divides, by data.group={config.group}: {groups:,} to train on and "
            f"{test.images.num_groups():,} to test"
        )
    rare = _minority(imbalance, images)
    yield f"rare classes: {_rare(imbalance, rare, images.class_names)}"
    shape = shape_note(pool.summary, config.fit) if pool.summary is not None else None
    colours = "in colour" if images.shape.channels == 3 else "greyscale"
    size = f"size used: {images.shape.size} x {images.shape.size} pixels, {colours}"
    yield f"{size}; {shape}" if shape is not None else size
    yield from hardness_lines(images, test.images, rare)
    yield from pool.reading
    used = len(images) + len(test.images)
    if pool.num_read is not None and used < pool.num_read:
        yield (
            f"of the {pool.num_read:,} read, {pool.num_read - used:,} are not used: not readable after all, "
            "or left out by settings such as data.classes, data.train_size and data.drop_contradictions"
        )
    yield from pool.notes
    yield from test.notes


def _in_words(summaries: Sequence[Summary]) -> str:
    """The kinds of files, their depth, and the smallest, median and largest picture."""
    kinds = _shares(_sum(each.kinds for each in summaries))
    bits = _shares(_sum(each.depths for each in summaries))
    sizes_of_all = _sum(each.sizes for each in summaries)
    smallest, median, largest = (f"{width} x {height}" for width, height in size_range(sizes_of_all))
    sizes = f"all {median} pixels" if smallest == largest else f"{smallest} to {largest} pixels, median {median}"
    return f"{kinds}, {bits}; {sizes}"


def _sum(counts: Iterable[Mapping[T, int]]) -> Mapping[T, int]:
    """The sum of several counts, the commonest first."""
    whole: Counter[T] = Counter()
    for each in counts:
        whole.update(each)
    return dict(whole.most_common())


def _shares(numbers: Mapping[str, int]) -> str:
    """The commonest of several, with their shares where there are two or more."""
    total = sum(numbers.values())
    few = list(numbers.items())[:_KINDS_SHOWN]
    if len(few) == 1:
        return few[0][0]
    return ", ".join(f"{name} {number / total:.0%}" for name, number in few)


def _counts(pool: Loaded, test: Loaded) -> str:
    counts = zip(pool.images.class_names, pool.images.class_counts(), test.images.class_counts(), strict=True)
    return _few([f"{name} {to_train:,} + {to_test:,}" for name, to_train, to_test in counts])


def _minority(imbalance: Imbalance, images: LabeledImages) -> tuple[int, ...]:
    """The minority's labels; none if the settings say none, which a study refuses once this has been read."""
    try:
        return imbalance.minority(images.class_counts(), images.class_names)
    except ConfigError:
        return ()


def _rare(imbalance: Imbalance, labels: Sequence[int], names: Sequence[str]) -> str:
    """The minority's names, and why they are it."""
    if not labels:
        return "none"
    rare = _few([names[label] for label in labels])
    if imbalance.minority_classes is not None:
        return f"{rare} (named by imbalance.minority_classes)"
    of = "the folder" if imbalance.cuts_minority else "the imbalanced set"
    return f"{rare} (smaller than the mean class of {of}; imbalance.minority_classes names others)"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _CLASSES_SHOWN} more" if len(names) > _CLASSES_SHOWN else ""
    return ", ".join(names[:_CLASSES_SHOWN]) + more
