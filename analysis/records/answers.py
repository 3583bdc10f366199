"""People's answers to the page that asks which images are real: files in a study's folder."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import ConfigError, from_json

ANSWERS_FOLDER = "answers"
# A round has twenty images, so that a file has some two thousand bytes.
MOST_BYTES = 1_000_000
_MARKS = frozenset({"real", "generated"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one person marked the images of one round."""

    round: str
    """Its title: class, generator, ratio and data."""
    marks: tuple[tuple[str, str], ...]
    """What each image is and what it was taken for, "real" or "generated"."""


class Answers(NamedTuple):
    """The answers of a study, and why files in their folder were left out, one sentence each."""

    found: tuple[Answer, ...] = ()
    left_out: tuple[str, ...] = ()


def read_answers(study_folder: Path, *, study: str, rounds: Collection[str]) -> Answers:
    """The first answers of each person to the `rounds` of the study, by the names of their files.

    Left out are files that are no saved answers, of another study or round, equal to an earlier file, or of a
    person who had been shown which images are real.
    """
    seen: dict[bytes, str] = {}
    found, left_out = [], []
    for path in sorted((study_folder / ANSWERS_FOLDER).glob("*.json")):
        try:
            content = _content(path)
            if content in seen:
                raise ConfigError(f"the same as {seen[content]}")
            seen[content] = path.name
            found.append(_answer(from_json(content), study=study, rounds=rounds))
        except (ConfigError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            left_out.append(f"{ANSWERS_FOLDER}/{path.name}: {reason}.")
    return Answers(tuple(found), tuple(left_out))


def _content(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError("too large for answers")
    return read_bytes(path)


def _answer(value: JsonValue, *, study: str, rounds: Collection[str]) -> Answer:
    if not isinstance(value, dict):
        raise ConfigError("no answers of real_or_fake.html")
    title, attempt, images = value.get("round"), value.get("attempt"), value.get("images")
    if not isinstance(title, str) or not isinstance(images, list) or type(attempt) is not int:
        raise ConfigError("no answers of real_or_fake.html")
    if value.get("study") != study:
        raise ConfigError("of another study")
    if title not in rounds:
        raise ConfigError("of a round that the study does not have")
    if attempt != 1:
        raise ConfigError("given after the person had seen which images are real")
    marks = tuple(_marks(images))
    if not marks:
        raise ConfigError("without a marked image")
    return Answer(round=title, marks=marks)


def _marks(images: list[JsonValue]) -> Iterator[tuple[str, str]]:
    for image in images:
        match image:
            case {"is": str(truth), "marked": str(marked)} if {truth, marked} <= _MARKS:
                yield truth, marked
            case _:
                raise ConfigError("an image that is not marked as real or generated")
