"""Everything a study can be made of, by kind: name to one line.

Parts of other packages are read from their packages' metadata; none is imported.
"""

from collections.abc import Mapping

from gan_study.search_spaces.spaces import SPACES
from gan_study.study.plan.recipe import FULL, load_recipe, recipe_names, scales_of
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.plugins import Kind, registered
from gan_study.trainables.classifiers.catalog import BACKBONE_SUMMARY, CLASSIFIERS
from gan_study.trainables.classifiers.classifier import BACKBONE
from gan_study.trainables.classifiers.metrics import METRICS
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.gans.catalog import VARIANTS


def listing() -> dict[str, dict[str, str]]:
    """Titles to the entries below them."""
    # Only when it is wanted: a running study has no use for the analysis.
    from gan_study.analysis.tables.generated import FIDELITY, VARIETY

    classifiers = {name: entry.summary for name, entry in CLASSIFIERS.items()} | {BACKBONE: BACKBONE_SUMMARY}
    simple = {name: entry.summary for name, entry in BALANCERS.items() if not entry.is_gan}
    return {
        "Data sets": _with_others({name: entry.summary for name, entry in DATA_SETS.items()}, "datasets"),
        "Balancers without a GAN": _with_others(simple, "balancers"),
        "GAN variants (each a balancer)": _with_others(
            {name: variant.summary for name, variant in VARIANTS.items()}, "gans"
        ),
        "Classifiers": _with_others(classifiers, "classifiers"),
        "Metrics of a classifier (objective)": _with_others(
            {name: each.summary for name, each in METRICS.items()}, "metrics"
        ),
        "Metrics of generated images": {
            each.metric: each.meaning.partition(". ")[0] for each in (*FIDELITY, *VARIETY)
        },
        "Search spaces": {name: space.summary for name, space in SPACES.items()},
        "Recipes": {name: _recipe_line(name) for name in recipe_names()},
    }


def _with_others(own: Mapping[str, str], kind: Kind) -> dict[str, str]:
    """`own` parts of a kind, and behind them those that installed packages register, with package and place."""
    said = dict(own)
    for each in registered(kind):
        place = f"{each.package}: {each.reference}"
        said[each.name] = f"{said[each.name]}; not used: {place}" if each.name in own else f"of {place}"
    return said


def _recipe_line(name: str) -> str:
    recipe = load_recipe(name)
    return f"{recipe['summary']} (sizes: {', '.join([FULL, *scales_of(recipe)])})"
