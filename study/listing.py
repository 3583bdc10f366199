"""All parts of a study by kind: name to description; loads no library.

This package's own parts come from the reference file, other parts from metadata; none is imported.
"""

from collections.abc import Mapping

from gan_study.study.explain import read_reference
from gan_study.study.reference_file import (
    BALANCERS_TITLE,
    CLASSIFIERS_TITLE,
    DATA_SETS_TITLE,
    GANS_TITLE,
    METRICS_TITLE,
)
from gan_study.trainables.base.plugins import Kind, registered

_KINDS: Mapping[str, Kind] = {
    DATA_SETS_TITLE: "datasets",
    BALANCERS_TITLE: "balancers",
    GANS_TITLE: "gans",
    CLASSIFIERS_TITLE: "classifiers",
    METRICS_TITLE: "metrics",
}


def listing() -> dict[str, dict[str, str]]:
    """Titles to the entries below them."""
    own: Mapping[str, Mapping[str, str]] = read_reference()["listing"]
    return {
        title: _with_others(entries, _KINDS[title]) if title in _KINDS else {**entries}
        for title, entries in own.items()
    }


def _with_others(own: Mapping[str, str], kind: Kind) -> dict[str, str]:
    """`own` parts of a kind, and behind them those that installed packages register, with package and place."""
    said = dict(own)
    for each in registered(kind):
        place = f"{each.package}: {each.reference}"
        said[each.name] = f"{said[each.name]}; not used: {place}" if each.name in own else f"of {place}"
    return said
