"""The pictures of the report's page, as far as they have room in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gan_study.analysis.load import Study
from gan_study.analysis.plots.growth import draw_growth
from gan_study.analysis.plots.images import describe_trial, pick_trials
from gan_study.analysis.plots.nearest import Panel, draw_pairs
from gan_study.analysis.plots.samples import draw_sheet, extreme_trials, shrink
from gan_study.analysis.trial import Trial
from gan_study.analysis.wording import ABSENT, number

# The report promises less than 10 MB; what is not told by its pictures has a little room of its own.
MOST_PAGE_BYTES = 9_800_000
# Base64 adds a third: all sample sheets together stay below 4 MB of page, and one below 300 kB.
ALL_SHEETS_BYTES, ONE_SHEET_BYTES = 3_000_000, 220_000

# Title, caption and links of a picture, generously.
MARKUP_BYTES = 500


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
    """All pictures of a study's page."""
    return PagePictures(
        figures=tuple(figures),
        samples=tuple(_samples(study)),
        panels=tuple(_panels(study)),
        growths=tuple(_growths(study)),
        extremes=tuple(_extremes(study)),
    )


def _samples(study: Study) -> Iterator[Picture]:
    trials = pick_trials(study.records, "samples/synthetic")
    for trial in trials:
        title = f"{trial.balancer}: {describe_trial(trial)}"
        yield from _sheet_picture(trial, title, most_bytes=_share(len(trials)))


def _extremes(study: Study) -> Iterator[Picture]:
    """The samples of the best search trial of each method and condition, and of the worst."""
    found = extreme_trials(study.records)
    for both in found:
        for kind, trial in zip(("best", "worst"), both, strict=True):
            gain = ABSENT if trial.objective is None else number(trial.objective, signed=True)
            title = f"{trial.balancer}, {kind} search trial, gain {gain}: {describe_trial(trial)}"
            yield from _sheet_picture(trial, title, most_bytes=_share(2 * len(found)))


def _share(number: int) -> int:
    """The bytes that one of so many sheets may take."""
    return min(ONE_SHEET_BYTES, ALL_SHEETS_BYTES // max(1, number))


def _sheet_picture(trial: Trial, title: str, *, most_bytes: int) -> Iterator[Picture]:
    sheet = draw_sheet(trial)
    if sheet is not None:
        yield Picture(
            section="samples",
            title=title,
            alt=f"Real images left, images of {trial.balancer} right, a row for each minority class.",
            uri=shrink(sheet, most_bytes=most_bytes).uri,
        )


def _growths(study: Study) -> Iterator[GrowthPictures]:
    """How the images of each GAN grew under each condition."""
    for trial in pick_trials(study.records, "snapshots/generated"):
        if (found := draw_growth(trial)) is not None:
            title = f"{trial.balancer}: {describe_trial(trial)}"
            yield GrowthPictures(title=title, alt=found.words, film=found.film.uri, strip=found.strip.uri)


def _panels(study: Study) -> Iterator[PanelPictures]:
    """Pairs of generated and training images for each method and condition."""
    for trial in pick_trials(study.records, "nearest/generated"):
        if (found := draw_pairs(trial)) is not None:
            yield PanelPictures(title=f"{trial.balancer}: {describe_trial(trial)}", panel=found)
