"""The source files of a part from outside of this package, found without importing any of them.

They are the part's module, the packages around it, and what these import, read from their `import` statements and
from `import_module` and `__import__` with a literal name: at any depth, but without the standard library, this
package and installed packages. Of an installed part, the modules of its own distribution count too, and its
version. Names that are computed while the code runs cannot be seen in this way, nor can files that it opens.
"""

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path

from gan_study.trainables.base.files import read_bytes

_THIS_PACKAGE = __name__.partition(".")[0]
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_STANDARD_LIBRARY = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
_IMPORTING_CALLS = frozenset({"import_module", "__import__"})


def module_file(module: str) -> Path | None:
    """The file of a module, without importing it or the packages around it; None if it has none."""
    top, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(top) if top else None
    # `__main__` of a session, for instance, has none.
    except (ImportError, ValueError):
        return None
    for place in range(1, len(inner) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join([top, *inner[:place]]), [*spec.submodule_search_locations])
    return None if spec is None else _file_of(spec)


def _file_of(spec: ModuleSpec) -> Path | None:
    # A module that is built into Python has an origin too, but no location; a folder without `__init__` neither.
    return Path(spec.origin) if spec.has_location and spec.origin is not None else None


def part_modules(reference: str) -> dict[str, Path]:
    """The file of each module on which the part "module:attribute" depends, by the module's name."""
    module = reference.partition(":")[0]
    own = {module.partition(".")[0], *_same_distribution(module)}
    found: dict[str, Path] = {}
    waiting, seen = [*_with_packages(module)], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        top = name.partition(".")[0]
        path = None if top == _THIS_PACKAGE else module_file(name)
        if path is None or not (top in own or _is_ones_own(path)):
            continue
        found[name] = path
        waiting += [each for imported in _imports(name, path) for each in _with_packages(imported)]
    return dict(sorted(found.items()))


def part_versions(reference: str) -> dict[str, str]:
    """The version of each distribution that has the part "module:attribute"; empty if it is not installed."""
    return {name: version(name) for name in _distributions(reference.partition(":")[0])}


@lru_cache(maxsize=1)
def _packages(search_path: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """The distributions of each top module on `search_path`: they take half a second to read."""
    return packages_distributions()


def _distributions(module: str) -> list[str]:
    return sorted({*_packages(tuple(sys.path)).get(module.partition(".")[0], ())})


def _same_distribution(module: str) -> Iterator[str]:
    """The top modules of the distributions that have the module."""
    distributions = {*_distributions(module)}
    for top, names in _packages(tuple(sys.path)).items() if distributions else ():
        if distributions.intersection(names):
            yield top


def _is_ones_own(path: Path) -> bool:
    """Whether a module's file is neither installed nor of the standard library."""
    whole = path.resolve()
    is_standard = any(whole.is_relative_to(place) for place in _STANDARD_LIBRARY)
    return not is_standard and not _INSTALLED.intersection(path.parts)


def _with_packages(module: str) -> Iterator[str]:
    """The module and the packages around it: these run first."""
    names = module.split(".")
    return (".".join(names[:length]) for length in range(1, len(names) + 1))


def _imports(name: str, path: Path) -> Iterator[str]:
    """The modules that a module's source may import; some of the names are attributes of modules."""
    if path.suffix != ".py" or not path.is_file():
        return
    try:
        tree = ast.parse(read_bytes(path))
    # It cannot be imported either: whoever uses the part hears why.
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                base = _absolute("." * level + (source or ""), package)
                if base:
                    yield base
                    yield from (f"{base}.{each.name}" for each in names if each.name != "*")
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(wanted)), *_]
            ) if called in _IMPORTING_CALLS:
                if absolute := _absolute(wanted, package):
                    yield absolute


def _absolute(name: str, package: str) -> str:
    """The full name of a module that is named from within `package`; "" if there is none."""
    try:
        return importlib.util.resolve_name(name, package)
    except (ImportError, ValueError):
        return ""
