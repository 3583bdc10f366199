"""Arguments of the public functions: one line that names what cannot be used."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from gan_study.trainables.base.arguments import check_argument, checked_arguments


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (3, int),
        (np.int64(3), int),
        (3, float),
        (np.float32(3), float | None),
        (None, float | None),
        ("a", Path | str),
        (Path("a"), Path | str),
        (["a", "b"], Iterable[str]),
        ((), Iterable[str]),
        ({"a": 3}, Mapping[str, str]),
        ("low", Literal["low", "high"]),
        (3, "a name that is loaded later"),
    ],
)
def test_what_fits_is_taken(value, annotation):
    check_argument("it", value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "needed"),
    [
        ("3", int, "int"),
        (True, int, "int"),
        (1, bool, "bool"),
        (3.0, int, "int"),
        (True, float, "float"),
        (None, Path | str, "Path or str"),
        (np.zeros((40, 40)), str | None, "str or None"),
        # Its letters would be taken for texts.
        ("scale=ci", Iterable[str], "Iterable of str"),
        ([3], Iterable[str], "Iterable of str"),
        (["a", None], Sequence[str], "Sequence of str"),
        ("mid", Literal["low", "high"], "'low' or 'high'"),
        ([], Mapping[str, str], "Mapping"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(value, annotation, needed):
    with pytest.raises(TypeError) as error:
        check_argument("it", value, annotation)
    message = str(error.value)
    assert message.startswith("it: ") and message.endswith(f" cannot be used; {needed} is needed")
    assert "\n" not in message and len(message) < 200


def test_a_function_is_called_with_what_it_was_given():
    @checked_arguments
    def join(first: Iterable[str], *, times: int = 1) -> str:
        return "".join(first) * times

    letters = (letter for letter in "ab")
    assert join(letters) == "ab"
    assert join(["a"], times=2) == "aa"
    for wrong in (lambda: join("ab"), lambda: join(["a"], times="2"), lambda: join(), lambda: join(["a"], 2)):
        with pytest.raises(TypeError):
            wrong()
