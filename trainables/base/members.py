"""The members of a catalog, collected from the modules of a package: a new member is a new file."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Protocol, TypeVar


class Named(Protocol):
    """What a catalog lists."""

    @property
    def name(self) -> str:
        """The name that a configuration chooses it by."""
        ...


T = TypeVar("T", bound=Named)


def collect_members(package: ModuleType, kind: type[T], *, first: Sequence[str] = ()) -> dict[str, T]:
    """Every value of `kind` in the modules of `package`, by name: those named in `first`, then the others by name.

    Raises ValueError if two different values share a name.
    """
    found: dict[str, T] = {}
    for module in iter_modules(package.__path__, prefix=f"{package.__name__}."):
        for value in vars(import_module(module.name)).values():
            # One module may import another's member, which is the same value.
            if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"{module.name}: another member of {package.__name__} is called {value.name!r}")
    return {name: found[name] for name in (*first, *sorted(found.keys() - set(first)))}
