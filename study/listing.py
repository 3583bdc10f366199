"""Everything a study can be made of, by kind: name to one line."""

from search_spaces.spaces import SPACES
from study.recipe import load_recipe, recipe_names
from trainables.balancing.catalog import BALANCERS
from trainables.classifiers.catalog import CLASSIFIERS
from trainables.data.catalog import DATA_SETS
from trainables.gans.catalog import VARIANTS


def listing() -> dict[str, dict[str, str]]:
    """Titles to the entries below them."""
    return {
        "Data sets": {name: entry.summary for name, entry in DATA_SETS.items()},
        "Balancers without a GAN": {name: entry.summary for name, entry in BALANCERS.items() if not entry.is_gan},
        "GAN variants (each a balancer)": {name: variant.summary for name, variant in VARIANTS.items()},
        "Classifiers": {name: entry.summary for name, entry in CLASSIFIERS.items()},
        "Search spaces": {name: space.summary for name, space in SPACES.items()},
        "Recipes": {name: str(load_recipe(name)["summary"]) for name in recipe_names()},
    }
