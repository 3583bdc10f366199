"""Real or fake? A page that shows real and generated images, shuffled, and tests whether a person can distinguish
them.

As in a bachelor's thesis that this project checks (docs/reproduction.md), in which one person marked ten of each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gan_study.analysis.plots.images import data_uri, encode, pick_trials, to_image
from gan_study.analysis.plots.samples import COLUMNS
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import trains_generator
from gan_study.analysis.records.trial import Bytes, Trial
from gan_study.analysis.wording import ratio_text

PAGE_FILE = "real_or_fake.html"
# Together with base64's third the page stays below 10 MB.
MOST_BYTES = 6_000_000
# Fewest images of each kind in a round: with fewer the interval says nothing, whichever are marked.
FEWEST_IMAGES = 3


@dataclass(frozen=True, kw_only=True)
class Round:
    """Equally many real and generated images of one class, as PNG files."""

    title: str
    real: tuple[bytes, ...]
    generated: tuple[bytes, ...]

    @property
    def num_bytes(self) -> int:
        """What its images take."""
        return sum(map(len, (*self.real, *self.generated)))


def rounds(study: Study) -> tuple[Round, ...]:
    """A round for each condition, generator and class with three sample images of each kind, as many as fit."""
    trials = pick_trials(study.records, "samples/synthetic")
    total, kept = 0, []
    for each in (each for trial in trials if trains_generator(trial) for each in _of_trial(trial)):
        total += each.num_bytes
        if total <= MOST_BYTES:
            kept.append(each)
    return tuple(kept)


def titles(study: Study) -> dict[str, str]:
    """The title of each round that has images enough, and the trial that made them."""
    trials = [trial for trial in pick_trials(study.records, "samples/synthetic") if trains_generator(trial)]
    return {title: trial.trial_id for trial in trials for title, _, _ in _classes(trial)}


def _of_trial(trial: Trial) -> Iterator[Round]:
    for title, real, generated in _classes(trial):
        yield Round(title=title, real=_png_files(real), generated=_png_files(generated))


def _classes(trial: Trial) -> Iterator[tuple[str, Bytes, Bytes]]:
    """Title, real and generated images of each class with images enough, equally many of both."""
    for name, images in trial.samples.items():
        number = min(len(images.real), len(images.synthetic), COLUMNS)
        if number >= FEWEST_IMAGES:
            title = f"{name}: {trial.balancer}, ratio {ratio_text(trial.imbalance_ratio)}, {trial.dataset}"
            yield title, images.real[:number], images.synthetic[:number]


def _png_files(images: Bytes) -> tuple[bytes, ...]:
    tiles = (to_image(image.transpose(1, 2, 0)) for image in images)
    return tuple(encode(tile, "PNG", optimize=True).content for tile in tiles if tile is not None)


def page_rounds(found: tuple[Round, ...]) -> list[dict[str, object]]:
    """The rounds as the page's script reads them; it does the shuffling."""
    return [
        {
            "title": each.title,
            "images": [
                {"uri": data_uri(content, "image/png"), "real": is_real}
                for contents, is_real in ((each.real, True), (each.generated, False))
                for content in contents
            ],
        }
        for each in found
    ]
