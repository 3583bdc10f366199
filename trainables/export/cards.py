"""The cards for a data set and a generator, in Markdown: what it is, its quality, and its limits."""

import os
import re
import shlex
from collections.abc import Mapping

import jinja2
from markupsafe import Markup
from pydantic import JsonValue

from gan_study.trainables.base.markup import markdown_text, visible
from gan_study.trainables.export import statements
from gan_study.trainables.export.balanced_folder import Description
from gan_study.trainables.export.saved_generator import GeneratorConfig
from gan_study.trainables.image_quality.class_quality import SYNTHETIC_SCORES

# The metrics of generated images that a card shows, each with what real images reach in their place.
QUALITY = ("fid", "kid", "precision", "recall", "gan_train", "gan_test", "memorised_share", "copied_share")

# Surrogates that do not stand for a byte of a file's name (PEP 383).
_NO_FILE_NAME = re.compile("[\ud800-\udc7f\udd00-\udfff]")

# Hugging Face's classes of size, each below a number of images.
SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (float("inf"), "1M<n<10M"),
)
_LICENCE_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
# What stands without quotes in YAML, as the text that it is; and what is no markup within quotes.
_PLAIN, _NOT_PLAIN = (
    re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[a-z][a-z0-9-]*"),
    re.compile(r"<(?!\d)|[^\w <,.-]"),
)

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


def _interval(low: float | None, high: float | None) -> Markup:
    return Markup("" if low is None or high is None else f" [{low:.2f}, {high:.2f}]")


def _shell(text: str) -> Markup:
    """A text as one word of a shell, for a block of code; bytes that are not to be seen are numbers."""
    if visible(text) == text:
        return Markup(shlex.quote(text))
    content = os.fsencode(_NO_FILE_NAME.sub("?", text))
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in content)
    return Markup(f"$'{''.join(plain)}'")


_TEMPLATES.filters.update(number=_number, shell=_shell)
_TEMPLATES.globals.update(interval=_interval)


def data_card(description: Description) -> str:
    """The card of a balanced data set."""
    return _TEMPLATES.get_template("data_card.md.j2").render(
        data=description,
        config=description.config,
        front_matter=data_front_matter(description),
        statements=statements,
        scores=SYNTHETIC_SCORES,
    )


def data_front_matter(description: Description) -> Markup:
    """The metadata that Hugging Face reads from a data set's card, as YAML between two lines of dashes."""
    total = sum(each.num_real + each.num_synthetic + each.num_validation for each in description.classes)
    return _front_matter(
        {
            "pretty_name": statements.title(description),
            **_licence_fields(description.about.license),
            "task_categories": ["image-classification"],
            "size_categories": [next(name for most, name in SIZE_CATEGORIES if total < most)],
            "source_datasets": ["extended"],
            "tags": ["synthetic", statements.generator_kind(description).lower(), "class-imbalance", "gan-study"],
        }
    )


def _licence_fields(licence: str | None) -> dict[str, JsonValue]:
    """Hugging Face's names for a licence: an identifier in small letters, "other" with its name, or "unknown"."""
    if licence is None:
        return {"license": "unknown"}
    if _LICENCE_IDENTIFIER.fullmatch(licence):
        return {"license": licence.lower()}
    is_address = licence.startswith(("http://", "https://"))
    return {"license": "other", "license_link" if is_address else "license_name": licence}


def _front_matter(values: Mapping[str, JsonValue]) -> Markup:
    return Markup("---\n" + "".join(f"{name}: {_flow(value)}\n" for name, value in values.items()) + "---")


def _flow(value: JsonValue) -> str:
    """A text or a list of texts as YAML in one line; nothing in it is markup to a reader of Markdown."""
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    text = visible(str(value))
    if _PLAIN.fullmatch(text):
        return text
    return f'"{_NOT_PLAIN.sub(_code_point, text)}"'


def _code_point(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08x}"


def model_card(description: Description, generator: GeneratorConfig) -> str:
    """The card of the generator, with the quality of its images by class."""
    return _TEMPLATES.get_template("model_card.md.j2").render(
        data=description,
        config=description.config,
        generator=generator,
        metrics=QUALITY,
        statements=statements,
        front_matter=_front_matter(
            {
                **_licence_fields(description.about.license),
                "library_name": "gan-study",
                "pipeline_tag": "unconditional-image-generation",
                "tags": [
                    *(statements.generator_kind(description).lower(), "class-imbalance", "gan-study"),
                    generator.variant,
                ],
            }
        ),
        example=next(iter(generator.classes)),
    )
