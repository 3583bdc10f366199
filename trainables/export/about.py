"""Facts about the real images that only a person knows: their owner, and the permitted uses."""

import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from gan_study.trainables.base.documents import from_yaml
from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import ConfigError, parse, settings

NOT_KNOWN = "not known"


def _check_day(text: str) -> str:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a calendar day, such as 2026-11-30") from None
    return text


@settings
class About:
    """Facts about the real images beyond their pixels; None: not known."""

    name: str | None = None
    """What the balanced data set is called."""
    license: str | None = None
    """The licence of the real images: an SPDX identifier, or the address of its text."""
    creator: str | None = None
    """Who collected the real images."""
    source: str | None = None
    """Where the real images come from: the name or the address of a data set, a hospital, a camera."""
    url: str | None = None
    """Where the balanced data set is published."""
    citation: str | None = None
    """How to cite the real images."""
    consent: str | None = None
    """Whether the people shown, or the owners, agreed, and to what."""
    sensitive_information: str | None = None
    """What in the images is personal or sensitive."""
    missing: str | None = None
    """Who or what is missing among the real images."""
    date_published: Annotated[str, AfterValidator(_check_day)] | None = None
    """The day of publication, such as 2026-11-30."""


def read_about(path: Path) -> About:
    """The facts in a YAML file about the real images; raises ConfigError if it cannot be read or has unknown
    keys.
    """
    where = f"--about {path}"
    try:
        values = from_yaml(read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{where} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return parse(About, {} if values is None else values, where=where)
