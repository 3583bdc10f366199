"""The cards beside a data set and a generator, in Markdown: what it is, what it is worth, and its limits."""

import shlex
from collections.abc import Mapping

import jinja2

from gan_study.trainables.export.balanced_folder import Description
from gan_study.trainables.export.saved_generator import GeneratorConfig
from gan_study.trainables.image_quality.class_quality import ClassQuality

# The metrics of generated images that a card shows, each with what real images reach in their place.
QUALITY = ("fid", "kid", "precision", "recall", "gan_train", "gan_test", "memorised_share", "copied_share")

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("gan_study.trainables.export"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _cell(text: object) -> str:
    """A text that stays in its cell of a table."""
    return " ".join(str(text).replace("|", "\\|").replace("`", "'").split())


_TEMPLATES.filters.update(number=_number, cell=_cell, shell=shlex.quote)


def data_card(description: Description) -> str:
    """The card of a balanced data set."""
    return _TEMPLATES.get_template("data_card.md.j2").render(data=description, config=description.config)


def model_card(description: Description, generator: GeneratorConfig, quality: Mapping[str, ClassQuality]) -> str:
    """The card of the generator that made its images, with what they are worth by class."""
    return _TEMPLATES.get_template("model_card.md.j2").render(
        data=description,
        config=description.config,
        generator=generator,
        quality=quality,
        metrics=QUALITY,
        example=next(iter(generator.classes)),
    )
