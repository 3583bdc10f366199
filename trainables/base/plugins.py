"""Parts of a study from outside of this package: registered by an entry point, or "module:attribute".

Names are found only in the metadata of installed packages; a part's module is imported when the part is used.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from gan_study.trainables.base.settings import ConfigError, find_name, nearest
from gan_study.trainables.base.signals import TERMINATED

T = TypeVar("T")

# What can be plugged in; the entry points' group is `gan_study.` and one of these.
Kind: TypeAlias = Literal["classifiers", "datasets", "gans", "balancers", "metrics"]


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A part in a package's metadata."""

    kind: Kind
    name: str
    reference: str
    """Where it is: "module:attribute"."""
    package: str
    """The distribution that registers it, with its version."""


def registered(*kinds: Kind) -> tuple[Registered, ...]:
    """The parts that installed packages register, in the order of their names; none is imported."""
    places = tuple((place, Path(place).stat().st_mtime_ns) for place in sys.path if Path(place).exists())
    return _registered(kinds, places)


# A search asks for names by the thousand, and each time 100 packages would be looked through.
@lru_cache(maxsize=64)
def _registered(kinds: tuple[Kind, ...], places: tuple[tuple[str, int], ...]) -> tuple[Registered, ...]:
    """What the packages in `places`, each with the time at which it was last changed, register."""
    found = {_describe(kind, entry) for kind in kinds for entry in entry_points(group=f"gan_study.{kind}")}
    return tuple(sorted(found, key=lambda each: (each.name, each.reference, each.package)))


def _describe(kind: Kind, entry: EntryPoint) -> Registered:
    package = "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
    # Some name extras behind it, in brackets, which installers take no notice of.
    reference = entry.value.partition("[")[0].strip()
    return Registered(kind=kind, name=entry.name, reference=reference, package=package)


def find_reference(name: str, *kinds: Kind, where: str) -> str | None:
    """The "module:attribute" that `name` is or is registered for; None if it is neither.

    Raises ConfigError, whose key is `where`, if several packages register the name for different things.
    """
    if ":" in name:
        return name
    found = {each.reference: each for each in registered(*kinds) if each.name == name}
    if len(found) > 1:
        offers = " and ".join(f"{each.reference} ({each.package})" for each in found.values())
        raise ConfigError(f"{where}: {name!r} is registered twice or more: {offers}; name one as module:attribute")
    return next(iter(found), None)


def load(reference: str, *, where: str) -> object:
    """The object named by `reference`, "module:attribute"; raises ConfigError with the key `where` if there is
    none.
    """
    module, _, attributes = reference.partition(":")
    if module == "__main__":
        raise ConfigError(
            f"{where}: {reference!r}: put it into a module of its own: workers cannot import the script that runs"
        )
    try:
        with catch_endings():
            loaded: object = importlib.import_module(module)
    # Another's module may raise anything while it is imported.
    except Exception as error:
        raise ConfigError(
            f"{where}: {reference!r}: cannot import {module!r} ({one_line(error)}); install it, or put its folder "
            "on PYTHONPATH"
        ) from None
    try:
        with catch_endings():
            for attribute in attributes.split("."):
                loaded = getattr(loaded, attribute)
    except AttributeError:
        raise ConfigError(f"{where}: {reference!r}: module {module!r} has no {attributes!r}") from None
    # So may a property.
    except Exception as error:
        raise ConfigError(f"{where}: {reference!r}: cannot be read ({one_line(error)})") from None
    return loaded


class EndingError(RuntimeError):
    """A part raised what is no Exception, which would end the process, perhaps with exit code 0."""


@contextlib.contextmanager
def catch_endings() -> Iterator[None]:
    """Raise EndingError for what a part in the block raises to end the process; interruptions and SIGTERM stay."""
    try:
        yield
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code == TERMINATED:
            raise
        raise EndingError(f"{one_line(error)}, which ends the process") from None


def one_line(error: BaseException) -> str:
    """An error's kind and message, in one line."""
    if isinstance(error, EndingError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Catalog(Mapping[str, T]):
    """The members of one kind by name: this package's own, and those of others, which are loaded on request.

    Iteration covers only own members, so that installed packages do not change what is searched.
    A member of another package has the name by which it was requested.
    """

    def __init__(
        self, own: Mapping[str, T], *kinds: Kind, needs: str, adopt: Callable[[object, str], T | None]
    ) -> None:
        self._own = own
        self._kinds = kinds
        self._needs = needs
        self._adopt = adopt
        self._adopted: dict[tuple[str, str], T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __contains__(self, name: object) -> bool:
        """Whether `name` is an own member's, or one of others' that may be asked for; nothing is imported."""
        return name in self._own or (isinstance(name, str) and self.reference(name, where=self._needs) is not None)

    def __getitem__(self, name: str) -> T:
        """The member called `name`; raises KeyError for an unknown one, and as `find` if it cannot be loaded."""
        if name not in self:
            raise KeyError(name)
        return self.find(name, where=self._needs)

    @property
    def kinds(self) -> Sequence[Kind]:
        """The type of its members."""
        return self._kinds

    def find(self, name: str, *, where: str) -> T:
        """The member called `name`, in any Unicode form.

        Raises ConfigError with the key `where` for an unknown name, with the nearest one, and for a member of
        another package that cannot be imported or has the wrong type.
        """
        own = self._find_own(name)
        if own is not None:
            return self._own[own]
        reference = self.reference(name, where=where)
        if reference is None:
            known = [*self._own, *(each.name for each in registered(*self._kinds))]
            raise ConfigError(f"{where}: {name!r} is unknown; {nearest(name, known)}")
        if (name, reference) not in self._adopted:
            loaded = load(reference, where=where)
            member = self._adopt(loaded, name)
            if member is None:
                raise ConfigError(f"{where}: {reference!r} is a {type(loaded).__name__}; {self._needs} is needed")
            self._adopted[name, reference] = member
        return self._adopted[name, reference]

    def reference(self, name: str, *, where: str) -> str | None:
        """The "module:attribute" of a member of another package; None for an own member, and for an unknown
        name.
        """
        return None if self._find_own(name) else find_reference(name, *self._kinds, where=where)

    def _find_own(self, name: str) -> str | None:
        # Names as they are written come by the thousand, and need no other form.
        return name if name in self._own else find_name(self._own, name)
