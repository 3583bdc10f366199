"""Names as messages show them."""

from collections.abc import Sequence

from gan_study.trainables.base.names import shown

NAMES_SHOWN = 3


def first_names(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(map(shown, names[:NAMES_SHOWN])) + (", ..." if len(names) > NAMES_SHOWN else "")
