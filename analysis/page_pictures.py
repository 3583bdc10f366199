"""The pictures of the report's page, as far as they have room in it."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from gan_study.analysis.load import Study
from gan_study.analysis.plots.growth import Growth, growth
from gan_study.analysis.plots.nearest import Panel, panel
from gan_study.analysis.plots.samples import EncodedImage, SampleGrid, extreme_data, sample_data, shrunk
from gan_study.analysis.wording import ABSENT, number

# The report promises less than 10 MB; what is not told by its pictures has a little room of its own.
MOST_PAGE_BYTES = 9_800_000
# Base64 adds a third: all grids together stay below 4 MB of page, and one below 300 kB.
ALL_GRIDS_BYTES, ONE_GRID_BYTES = 3_000_000, 220_000

# Title, caption and links of a picture, generously.
MARKUP_BYTES = 500

_Read = TypeVar("_Read", Growth, Panel)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image as the page carries it; `uri` is a data URI, or None where the file is gone or has no room.

    `files` are those of the same name that lie beside the page.
    """

    section: str
    title: str
    alt: str
    uri: str | None
    files: tuple[str, ...] = ()
    has_room: bool = True

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        return MARKUP_BYTES + len(self.uri or "")


@dataclass(frozen=True, kw_only=True)
class GrowthPictures:
    """How the images of a GAN grew, as the page carries it: data URIs of a film and of a strip."""

    title: str
    alt: str
    film: str
    strip: str

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        return 2 * MARKUP_BYTES + len(self.film) + len(self.strip)


@dataclass(frozen=True, kw_only=True)
class PanelPictures:
    """Generated images beside the training images nearest to them, of one trial."""

    title: str
    panel: Panel

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        pairs = [pair for of_class in self.panel.by_class.values() for pair in of_class]
        return MARKUP_BYTES * (1 + len(pairs)) + sum(len(pair.uri) for pair in pairs)


@dataclass(frozen=True, kw_only=True)
class PagePictures:
    """All pictures of a page; `num_left_out` had no room in it."""

    figures: tuple[Picture, ...]
    samples: tuple[Picture, ...]
    panels: tuple[PanelPictures, ...]
    growths: tuple[GrowthPictures, ...]
    extremes: tuple[Picture, ...]
    num_left_out: int = 0

    def within(self, most_bytes: int) -> "PagePictures":
        """Those that find room in `most_bytes`, in this order: figures, samples, pairs, growths, extremes.

        A figure that has none stays, as words and as links to its files; the others go.
        """
        room = _Room(most_bytes)
        figures = [
            each if room.takes(each.num_bytes) else replace(each, uri=None, has_room=False)
            for each in self.figures
        ]
        kept = replace(
            self,
            figures=tuple(figures),
            samples=tuple(each for each in self.samples if room.takes(each.num_bytes)),
            panels=tuple(each for each in self.panels if room.takes(each.num_bytes)),
            growths=tuple(each for each in self.growths if room.takes(each.num_bytes)),
            extremes=tuple(each for each in self.extremes if room.takes(each.num_bytes)),
        )
        return replace(kept, num_left_out=room.num_refused)


class _Room:
    """Bytes that pictures take, one after another, while there are enough."""

    def __init__(self, num_bytes: int) -> None:
        self.left, self.num_refused = num_bytes, 0

    def takes(self, num_bytes: int) -> bool:
        """Whether so many more find room; they have it then."""
        has_room = num_bytes <= self.left
        self.left -= num_bytes if has_room else 0
        self.num_refused += not has_room
        return has_room


def page_pictures(study: Study, figures: Sequence[Picture]) -> PagePictures:
    """All pictures of a study's page.

    Raises DataError or RecordError where a trial's file is not what it should be.
    """
    return PagePictures(
        figures=tuple(figures),
        samples=tuple(_samples(study)),
        panels=tuple(_panels(study)),
        growths=tuple(_growths(study)),
        extremes=tuple(_extremes(study)),
    )


def _samples(study: Study) -> list[Picture]:
    grids = sample_data(study.records)
    return [
        _sample_picture(study.folder, grid, f"{grid.balancer}: {grid.where}", most_bytes=_share(len(grids)))
        for grid in grids
    ]


def _extremes(study: Study) -> list[Picture]:
    """The samples of the best search trial of each method and condition, and of the worst."""
    found = extreme_data(study.records)
    return [
        _sample_picture(
            study.folder,
            grid,
            f"{grid.balancer}, {kind} search trial, gain {_gain_text(grid)}: {grid.where}",
            most_bytes=_share(2 * len(found)),
        )
        for both in found
        for kind, grid in zip(("best", "worst"), both, strict=True)
    ]


def _gain_text(grid: SampleGrid) -> str:
    return ABSENT if grid.objective is None else number(grid.objective, signed=True)


def _share(number: int) -> int:
    """The bytes that one of so many grids may take."""
    return min(ONE_GRID_BYTES, ALL_GRIDS_BYTES // max(1, number))


def _sample_picture(folder: Path, grid: SampleGrid, title: str, *, most_bytes: int) -> Picture:
    path = folder / grid.path
    image = shrunk(path, most_bytes=most_bytes) if path.is_file() else None
    return Picture(
        section="samples",
        title=title,
        alt=f"Real images on the left, images of {grid.balancer} on the right, a row for each minority class.",
        uri=_encoded_uri(image) if image else None,
    )


def _growths(study: Study) -> list[GrowthPictures]:
    """The growth of each GAN under each condition, as far as the files are there."""
    return [
        GrowthPictures(
            title=f"{grid.balancer}: {grid.where}",
            alt=found.words,
            film=_encoded_uri(found.film),
            strip=_encoded_uri(found.strip),
        )
        for grid, found in _read(study, "growth", growth)
    ]


def _panels(study: Study) -> list[PanelPictures]:
    """Pairs of generated and training images for each method and condition, as far as the files are there."""
    return [
        PanelPictures(title=f"{grid.balancer}: {grid.where}", panel=found)
        for grid, found in _read(study, "nearest", panel)
    ]


def _read(study: Study, kind: str, reading: Callable[[Path], _Read]) -> Iterator[tuple[SampleGrid, _Read]]:
    for grid in sample_data(study.records, kind):
        path = study.folder / grid.path
        if path.is_file():
            yield grid, reading(path)


def _encoded_uri(image: EncodedImage) -> str:
    return data_uri(image.content, image.media_type)


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as a URI that carries it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
