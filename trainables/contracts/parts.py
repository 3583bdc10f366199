"""Any part by its name, and the results of checking the contract of its kind."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gan_study.trainables.balancing.balancer import BalancerEntry
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.plugins import Kind, Registered, find_reference, load, registered
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.classifiers.metrics import METRICS, metric_name
from gan_study.trainables.contracts.balancers import BALANCER_PROMISES, BalancerSubject
from gan_study.trainables.contracts.classifiers import CLASSIFIER_PROMISES, ClassifierSubject
from gan_study.trainables.contracts.contract import SHAPES, Finding, Promises, check_promises, in_words, require
from gan_study.trainables.contracts.data_sets import DATA_SET_PROMISES, DataSetSubject
from gan_study.trainables.contracts.metrics import METRIC_PROMISES, MetricSubject
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.data.source import DataConfig, DataSet
from gan_study.trainables.gans.variant import GanVariant

T = TypeVar("T")

# Metrics are tried on so many classes.
CLASS_COUNTS = (2, 3, 10)

# The names that this package gives to its own parts.
_OWN: Mapping[Kind, Iterable[str]] = {
    "classifiers": CLASSIFIERS,
    "datasets": DATA_SETS,
    "gans": BALANCERS,
    "balancers": BALANCERS,
    "metrics": METRICS,
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part with a name: its kind and name, and the package that registers it, if any."""

    kind: Kind
    name: str
    registered: Registered | None = None


def find_parts(name: str, *, where: str) -> tuple[Part, ...]:
    """The parts called `name`, one of each kind; raises ConfigError, whose key is `where`, if there are none.

    The kind of "module:attribute" is that of its value.
    """
    if ":" in name:
        return (Part(kind=_kind_of(name, load(name, where=where), where), name=name),)
    if name in METRICS:
        raise ConfigError(f"{where}: {name!r} is a score of gan_study; only other scores can be checked")
    others = [Part(kind=each.kind, name=name, registered=each) for each in registered(*_OWN) if each.name == name]
    own = [Part(kind=kind, name=name) for kind, members in _OWN.items() if name in list(members)]
    if not others and not own:
        known = {*itertools.chain(*_OWN.values()), *(each.name for each in registered(*_OWN))}
        raise ConfigError(f"{where}: {name!r} is unknown; {nearest(name, known)}")
    # A GAN is a balancer too.
    return tuple({part.kind.replace("gans", "balancers"): part for part in (*own, *others)}.values())


def _kind_of(name: str, loaded: object, where: str) -> Kind:
    kinds: dict[type, Kind] = {
        ClassifierModel: "classifiers",
        DataSet: "datasets",
        GanVariant: "gans",
        BalancerEntry: "balancers",
    }
    found = next((kind for each, kind in kinds.items() if isinstance(loaded, each)), None)
    if found is None and not callable(loaded):
        needed = ", ".join(each.__name__ for each in kinds)
        raise ConfigError(
            f"{where}: {name!r} is a {type(loaded).__name__}; one of {needed} or a function is needed"
        )
    return found or "metrics"


def check_part(
    part: Part,
    *,
    data: DataConfig,
    shapes: tuple[ImageShape, ...] = SHAPES,
    class_counts: tuple[int, ...] = CLASS_COUNTS,
    where: str,
) -> Iterator[Finding]:
    """The result of each promise of a part.

    Classifiers and balancing methods are tested on images of all `shapes`, metrics with these numbers of classes,
    a data set with the request `data`. Raises ConfigError, whose key is `where`, for a part that cannot be loaded.
    """
    if part.registered is not None:
        yield from check_promises(REGISTRATION_PROMISES, part)
    if part.kind == "datasets":
        data_set = DATA_SETS.find(part.name, where=where)
        subject = DataSetSubject(data_set, replace(data, name=part.name))
        # Missing data break no promise: the caller gets the error.
        subject.source.pool()
        yield from check_promises(DATA_SET_PROMISES, subject)
    elif part.kind == "metrics":
        counted = [(f"{count} classes", MetricSubject(metric_name(part.name), count)) for count in class_counts]
        yield from _check_all(METRIC_PROMISES, counted)
    elif part.kind == "classifiers":
        model = CLASSIFIERS.find(part.name, where=where)
        yield from _check_all(
            CLASSIFIER_PROMISES, [(in_words(shape), ClassifierSubject(model, shape)) for shape in shapes]
        )
    else:
        entry = BALANCERS.find(part.name, where=where)
        yield from _check_all(
            BALANCER_PROMISES, [(in_words(shape), BalancerSubject(entry, shape)) for shape in shapes]
        )


def _check_all(promises: Promises[T], subjects: Sequence[tuple[str, T]]) -> Iterator[Finding]:
    """What becomes of each promise for all of the named subjects: it is broken if one breaks it."""
    for text, check in promises.items():
        wrong = None
        for name, subject in subjects:
            [found] = check_promises({text: check}, subject)
            if found.wrong is not None:
                wrong = f"{name}: {found.wrong}"
                break
        yield Finding(promise=text, wrong=wrong)


def _has_a_name_of_its_own(part: Part) -> None:
    is_own = part.name in list(_OWN[part.kind])
    require(not is_own, f"gan_study has a part called {part.name!r}, which is used instead")
    # Raises where two packages register the name.
    find_reference(part.name, *_CATALOG_KINDS[part.kind], where=part.kind)


_CATALOG_KINDS: Mapping[Kind, Sequence[Kind]] = {
    "classifiers": ("classifiers",),
    "datasets": ("datasets",),
    "gans": ("gans", "balancers"),
    "balancers": ("gans", "balancers"),
    "metrics": ("metrics",),
}

REGISTRATION_PROMISES: Promises[Part] = {"no other part has its name": _has_a_name_of_its_own}
