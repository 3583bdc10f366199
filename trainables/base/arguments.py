"""Checks the arguments of functions that scripts and notebooks call, before anything is done with them."""

import functools
import inspect
import numbers
import reprlib
from collections.abc import Callable, Collection, Iterable, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from typing_extensions import is_protocol

P = ParamSpec("P")
T = TypeVar("T")

# NumPy's numbers are numbers too.
_NUMBERS: dict[object, type] = {int: numbers.Integral, float: numbers.Real}
_MANY = (Iterable, Collection, Sequence)


def checked_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """`function` with a check: it raises TypeError, in one line, for an argument that is not of the annotated
    type.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            given = signature.bind(*arguments, **named).arguments
        except TypeError:
            # Python's own words for it name the function.
            given = {}
        for name, value in given.items():
            check_argument(name, value, signature.parameters[name].annotation)
        return function(*arguments, **named)

    return call


def check_argument(name: str, value: object, annotation: object) -> None:
    """Raise TypeError, in one line that names the argument, unless `value` is of the type `annotation`.

    The content of a mapping is not checked here, and neither are protocols, which only their use can check.
    """
    if not _is_of(value, annotation):
        # An array's text has many lines.
        shown = " ".join(reprlib.repr(value).split())
        raise TypeError(
            f"{name}: {shown} ({type(value).__name__}) cannot be used; {_in_words(annotation)} is needed"
        )


def _is_of(value: object, annotation: Any) -> bool:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(_is_of(value, each) for each in inside)
    if origin is Annotated:
        return _is_of(value, inside[0])
    if origin is Literal:
        return value in inside
    kind = origin or annotation
    if kind is None:
        return value is None
    # Not a type: the name of one that is loaded later, or a type variable.
    if not isinstance(kind, type) or kind is inspect.Parameter.empty or is_protocol(kind):
        return True
    if kind in _MANY:
        return isinstance(value, kind) and _hold(value, inside[0])
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, kind)


def _hold(values: Any, annotation: Any) -> bool:
    """Whether all `values` are of the type `annotation`, as far as they can be gone through a second time."""
    # A text in place of a list of texts would be taken for its letters.
    if isinstance(values, str | bytes):
        return False
    return not isinstance(values, Collection) or all(_is_of(each, annotation) for each in values)


def _in_words(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, inside))
    if origin is Annotated:
        return _in_words(inside[0])
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if annotation in (None, NoneType):
        return "None"
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name} of {_in_words(inside[0])}" if origin in _MANY else name
