"""The pictures that fit into the report's page."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from gan_study.analysis.plots.nearest import Panel
from gan_study.analysis.records.select import Arm

# The report promises less than 10 MB; what is not a picture has a little room of its own.
MOST_PAGE_BYTES = 9_800_000
# Title, caption and links of a picture, generously.
MARKUP_BYTES = 500


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image in the page; `uri` is a data URI."""

    title: str
    alt: str
    uri: str

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        return MARKUP_BYTES + len(self.uri)


@dataclass(frozen=True, kw_only=True)
class GrowthPictures:
    """The development of a GAN's images in the page: data URIs of a film and of a strip."""

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
    """Generated images with their nearest training images, from one trial."""

    title: str
    panel: Panel

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        pairs = [pair for of_class in self.panel.by_class.values() for pair in of_class]
        return MARKUP_BYTES * (1 + len(pairs)) + sum(len(pair.uri) for pair in pairs)


@dataclass(frozen=True, kw_only=True)
class SamplePair:
    """Real images beside those of one method, for the first screen: data URIs."""

    arm: Arm
    real: str
    generated: str
    rows: tuple[str, ...]
    """The class of each row."""

    @property
    def num_bytes(self) -> int:
        """What it takes in the page."""
        return 2 * MARKUP_BYTES + len(self.real) + len(self.generated)


@dataclass(frozen=True, kw_only=True)
class PagePictures:
    """All pictures of a page; `num_left_out` did not fit."""

    pairs: tuple[SamplePair, ...] = ()
    samples: tuple[Picture, ...] = ()
    panels: tuple[PanelPictures, ...] = ()
    growths: tuple[GrowthPictures, ...] = ()
    extremes: tuple[Picture, ...] = ()
    num_left_out: int = 0

    @staticmethod
    def joined(parts: Iterable["PagePictures"]) -> "PagePictures":
        """The pictures of all `parts`, in their order."""
        found = tuple(parts)
        return PagePictures(
            pairs=tuple(chain.from_iterable(each.pairs for each in found)),
            samples=tuple(chain.from_iterable(each.samples for each in found)),
            panels=tuple(chain.from_iterable(each.panels for each in found)),
            growths=tuple(chain.from_iterable(each.growths for each in found)),
            extremes=tuple(chain.from_iterable(each.extremes for each in found)),
        )

    def within(self, most_bytes: int) -> "PagePictures":
        """Those that fit into `most_bytes`, in this order: pairs, samples, panels, growths, extremes."""
        room = _Room(most_bytes)
        pairs = tuple(each for each in self.pairs if room.takes(each.num_bytes))
        return PagePictures(
            pairs=pairs,
            samples=tuple(each for each in self.samples if room.takes(each.num_bytes)),
            panels=tuple(each for each in self.panels if room.takes(each.num_bytes)),
            growths=tuple(each for each in self.growths if room.takes(each.num_bytes)),
            extremes=tuple(each for each in self.extremes if room.takes(each.num_bytes)),
            # Last, when all have asked for room.
            num_left_out=room.num_refused,
        )


class _Room:
    """Bytes that pictures take, one after another, while there are enough."""

    def __init__(self, num_bytes: int) -> None:
        self.left, self.num_refused = num_bytes, 0

    def takes(self, num_bytes: int) -> bool:
        """Whether this many more fit; if so, the space is reserved."""
        has_room = num_bytes <= self.left
        self.left -= num_bytes if has_room else 0
        self.num_refused += not has_room
        return has_room
