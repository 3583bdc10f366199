"""The cards beside a data set and a generator, in Markdown: what it is, what it is worth, and its limits."""

import os
import re
import shlex
from collections.abc import Mapping

import jinja2
from markupsafe import Markup

from gan_study.trainables.base.markup import markdown_text, visible
from gan_study.trainables.export.balanced_folder import Description
from gan_study.trainables.export.saved_generator import GeneratorConfig
from gan_study.trainables.image_quality.class_quality import ClassQuality

# The metrics of generated images that a card shows, each with what real images reach in their place.
QUALITY = ("fid", "kid", "precision", "recall", "gan_train", "gan_test", "memorised_share", "copied_share")

# Surrogates that do not stand for a byte of a file's name (PEP 383).
_NO_FILE_NAME = re.compile("[\ud800-\udc7f\udd00-\udfff]")

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("gan_study.trainables.export"),
    undefined=jinja2.StrictUndefined,
    # Whatever stands in a card is text, unless a filter has made it something else.
    finalize=lambda value: value if isinstance(value, Markup) else markdown_text(str(value)),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def _number(value: float | None) -> Markup:
    return Markup("–" if value is None else f"{value:.4g}")


def _shell(text: str) -> Markup:
    """A text as one word of a shell, for a block of code; bytes that are not to be seen are numbers."""
    if visible(text) == text:
        return Markup(shlex.quote(text))
    content = os.fsencode(_NO_FILE_NAME.sub("?", text))
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in content)
    return Markup(f"$'{''.join(plain)}'")


_TEMPLATES.filters.update(number=_number, shell=_shell)


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
