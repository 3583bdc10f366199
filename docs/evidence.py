"""The picture of docs/reproduction.md over all data sets: what a GAN adds, by the number of images it has.

`python docs/evidence.py` draws it from the `evidence.csv` of every study in `docs/reproduction/`.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from PIL import Image

from gan_study.analysis.page.answer import contrasts
from gan_study.analysis.plots.palette import GREY, OKABE_ITO
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import Condition, confirmed, under
from gan_study.analysis.tables.threshold import remainders
from gan_study.analysis.wording import listing

DOCS = Path(__file__).parent
PICTURE = DOCS / "images" / "evidence.png"
EVIDENCE_FILE = "evidence.csv"
PANELS = {
    "over_simple": "The chosen GAN minus the chosen simple method",
    "beyond_threshold": "The chosen GAN minus no balancing, both with a shifted threshold",
}
# The margin below which a difference is not worth having, grey in the picture; the default of `confirm.margin`.
DEFAULT_MARGIN = 0.02
# A GAN that was cut short of this says nothing of GANs: its images are noise.
LEAST_STEPS = 2000
# Longer intervals leave the picture.
LARGEST = 0.25
APART = 1.03
WIDTH, HEIGHT, SCALE, NUM_COLOURS = 460, 320, 2, 64
MOST_NAMES = 4


def evidence(study: Study) -> pd.DataFrame:
    """A row for each condition and panel: the rare class's training images, the methods, mean, low and high.

    Needs the trials' arrays. Intervals over the simple method are corrected for their family, the others are not.
    """
    left = {each.condition: each.left for each in remainders(study)}
    rows = [
        {
            **contrast.condition._asdict(),
            "rare": f"{data_name(study, contrast.condition)}: {in_short(rare_classes(study, contrast.condition))}",
            "images": rare_images(study, contrast.condition),
            "gan": contrast.gan,
            "simple": contrast.rival,
            "panel": panel,
            "mean": estimate.mean,
            "low": estimate.low,
            "high": estimate.high,
        }
        for contrast in contrasts(study)
        if is_trained(study, contrast.condition, contrast.gan)
        for panel, estimate in (
            ("over_simple", contrast.difference.estimate if contrast.difference else None),
            ("beyond_threshold", left.get(contrast.condition)),
        )
        if estimate is not None
    ]
    return pd.DataFrame(rows)


def is_trained(study: Study, condition: Condition, gan: str) -> bool:
    """Whether every training of a GAN had at least LEAST_STEPS generator steps, or ended by itself."""
    trained = [
        trial.gan for trial in under(confirmed(study.records), condition) if trial.balancer == gan and trial.gan
    ]
    return all(each.generator_steps >= LEAST_STEPS or each.reason == "converged" for each in trained)


def rare_classes(study: Study, condition: Condition) -> list[str]:
    """Their names."""
    first = next(trial for trial in under(confirmed(study.records), condition) if trial.class_names)
    return [first.class_names[label] for label in first.minority_classes]


def data_name(study: Study, condition: Condition) -> str:
    """The data set's name, or the study's if all that is known of the data is that they are a folder."""
    return study.name if condition.dataset == "imagefolder" else condition.dataset


def in_short(classes: Sequence[str]) -> str:
    """Their names, or how many there are."""
    return listing(classes) if len(classes) <= MOST_NAMES else f"{len(classes)} classes"


def rare_images(study: Study, condition: Condition) -> float:
    """The mean number of training images of a rare class."""
    counts = [
        trial.class_counts.training[label]
        for trial in under(confirmed(study.records), condition)
        if trial.class_counts is not None
        for label in trial.minority_classes
    ]
    return float(np.mean(counts))


def draw(found: pd.DataFrame) -> alt.HConcatChart:
    """A panel for each comparison: means with intervals against the number of images, a colour for each class."""
    return alt.hconcat(*(_panel(found[found["panel"] == panel], title) for panel, title in PANELS.items()))


def _panel(points: pd.DataFrame, title: str) -> alt.LayerChart | alt.FacetChart:
    # Bars of two classes with equally many images lie beside each other.
    apart = APART ** points["rare"].rank(method="dense")
    inside = points.assign(
        images=points["images"] * apart,
        low=points["low"].clip(lower=-LARGEST),
        high=points["high"].clip(upper=LARGEST),
    )
    names = sorted(points["rare"].unique())
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=400)
    colour = alt.Color("rare:N", scale=alt.Scale(domain=names, range=list(OKABE_ITO)), legend=legend)
    shape = alt.Shape("rare:N", scale=alt.Scale(domain=names), legend=legend)
    images = alt.Scale(type="log", nice=False, padding=20)
    axis = alt.Axis(values=[5, 10, 20, 50, 100, 200, 500], grid=False)
    y = alt.Scale(domain=[-LARGEST, LARGEST])
    chart = alt.Chart(inside).encode(
        x=alt.X("images:Q", scale=images, axis=axis, title="Training images of the rare class"), color=colour
    )
    bars = chart.mark_rule(strokeWidth=2, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q")
    marks = chart.mark_point(filled=True, size=70, opacity=1, clip=True).encode(
        y=alt.Y("mean:Q", scale=y, title="Difference in minority F1"), shape=shape
    )
    margin = (
        alt.Chart(alt.InlineData(values=[{}]))
        .mark_rect(color=GREY, opacity=0.25)
        .encode(y=alt.datum(-DEFAULT_MARGIN), y2=alt.datum(DEFAULT_MARGIN))
    )
    return alt.layer(margin, bars, marks, data=inside).properties(width=WIDTH, height=HEIGHT, title=title)


def main(studies: Path) -> None:
    """Draw the evidence of all studies."""
    files = sorted(studies.glob(f"*/{EVIDENCE_FILE}"))
    found = pd.concat([pd.read_csv(path) for path in files])
    drawn = io.BytesIO(vl_convert.vegalite_to_png(draw(found).to_json(), scale=SCALE))
    Image.open(drawn).convert("RGB").quantize(NUM_COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(DOCS / "reproduction")
