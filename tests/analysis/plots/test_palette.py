"""One colour has one meaning on a page: no palette has a colour of another, or nearly."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from gan_study.analysis.plots.palette import KIND_COLOURS, KIND_TINTS, PALETTES

# In CIELAB, where 2 is the least difference that is seen side by side: so far apart are colours of two palettes.
FAR = 12.0


def to_lab(colour: str) -> npt.NDArray[np.float64]:
    """A colour ("#rrggbb") in CIELAB, by its definition for sRGB and the white of D65."""
    coded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    relative = to_xyz @ linear / to_xyz.sum(axis=1)
    x, y, z = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_lab_is_that_of_known_colours() -> None:
    # sRGB's red, from any table.
    assert to_lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.1)
    assert to_lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.1)


@pytest.mark.parametrize(("one", "other"), list(combinations(PALETTES, 2)))
def test_palettes_have_no_colour_in_common_or_nearly(one: str, other: str) -> None:
    near = [(a, b) for a in PALETTES[one] for b in PALETTES[other] if np.linalg.norm(to_lab(a) - to_lab(b)) < FAR]
    assert near == []


def test_every_kind_of_method_has_its_colour_first_among_its_tints() -> None:
    assert {kind: shades[0] for kind, shades in KIND_TINTS.items()} == dict(KIND_COLOURS)
