"""All drawings of a study, one after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

from vl_convert import javascript_bundle

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.page.drawing import Drawing, Drawn
from gan_study.analysis.page.pictures import GrowthPictures, PagePictures, PanelPictures, Picture, SamplePair
from gan_study.analysis.page.process import Group
from gan_study.analysis.page.real_or_fake import rounds
from gan_study.analysis.plots.chart import Chart, to_files
from gan_study.analysis.plots.growth import draw_growth
from gan_study.analysis.plots.images import describe_trial, pick_trials
from gan_study.analysis.plots.nearest import draw_pairs
from gan_study.analysis.plots.paper import draw_vectors, paper_charts
from gan_study.analysis.plots.samples import draw_beside, draw_sheet, extreme_trials, shrink
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import Arm, arm_of
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import number

# Where the files of charts lie in a report, those of its page and those of a paper.
PLOTS_FOLDER, PAPER_FOLDER = "plots", "paper"
# Base64 adds a third: all sample sheets together stay below 4 MB of page, and one below 300 kB.
ALL_SHEETS_BYTES, ONE_SHEET_BYTES = 3_000_000, 220_000
# What the first screen has room for.
FIRST_COLUMNS, FIRST_ROWS, FIRST_BYTES = 5, 3, 80_000


def chart_drawings(charts: Sequence[Chart]) -> Iterator[Drawing]:
    """The page's charts as files, from the same specifications."""
    for chart in charts:
        yield Drawing(name=chart.title, draw=partial(_files, to_files, chart, PLOTS_FOLDER))


def paper_drawings(study: Study) -> Iterator[Drawing]:
    """The charts of a paper."""
    for chart in paper_charts(study):
        yield Drawing(name=f"{PAPER_FOLDER}/{chart.name}", draw=partial(_files, draw_vectors, chart, PAPER_FOLDER))


def _files(draw: Callable[[Chart], Mapping[str, bytes]], chart: Chart, folder: str) -> Drawn:
    return Drawn(files={f"{folder}/{name}": content for name, content in draw(chart).items()})


def page_drawings(study: Study) -> Iterator[Drawing]:
    """Other data that pages need."""
    yield Drawing(name="the page real_or_fake.html", draw=lambda: Drawn(rounds=rounds(study)))
    yield Drawing(name="the interactive charts", draw=_script)


@cache
def _script() -> Drawn:
    # Vega, Vega-Lite and Vega-Embed; the declared type asks for a snippet, and the function does without.
    return Drawn(script=javascript_bundle())  # type: ignore[call-arg]


def picture_drawings(study: Study) -> Iterator[Drawing]:
    """The page's pictures of images, from one trial for each method and condition."""
    records = study.records
    sampled = pick_trials(records, "samples/synthetic")
    for trial in sampled:
        yield _sheet(trial, trial.balancer, among=len(sampled), as_part=lambda each: PagePictures(samples=(each,)))
    for condition, (gan, *_) in chosen_methods(records).items():
        for trial in sampled:
            if arm_of(trial) == Arm(*condition, gan):
                yield _of_trial("the first samples", trial, partial(_sample_pair, trial))
    for trial in pick_trials(records, "nearest/generated"):
        yield _of_trial("nearest images", trial, partial(_panel, trial))
    for trial in pick_trials(records, "snapshots/generated"):
        yield _of_trial("images on the way", trial, partial(_growth, trial))
    extremes = [
        (trial, f"{trial.balancer}, {kind} search trial, gain {number(trial.objective, signed=True)}")
        for both in extreme_trials(records)
        for kind, trial in zip(("best", "worst"), both, strict=True)
    ]
    for trial, title in extremes:
        yield _sheet(trial, title, among=len(extremes), as_part=lambda each: PagePictures(extremes=(each,)))


def _of_trial(what: str, trial: Trial, draw: Callable[[], PagePictures]) -> Drawing:
    return Drawing(
        name=f"{what} of {trial.balancer}, {describe_trial(trial)}", draw=lambda: Drawn(pictures=draw())
    )


def _sheet(trial: Trial, title: str, *, among: int, as_part: Callable[[Picture], PagePictures]) -> Drawing:
    """The samples of a trial under its title; all sheets share their room."""

    def draw() -> PagePictures:
        sheet = draw_sheet(trial)
        if sheet is None:
            return PagePictures()
        picture = Picture(
            title=f"{title}: {describe_trial(trial)}",
            alt=f"Real images on the left, images of {trial.balancer} on the right, a row for each "
            f"minority class.",
            uri=shrink(sheet, most_bytes=min(ONE_SHEET_BYTES, ALL_SHEETS_BYTES // among)).uri,
        )
        return as_part(picture)

    return _of_trial("samples", trial, draw)


def _sample_pair(trial: Trial) -> PagePictures:
    drawn = draw_beside(trial, columns=FIRST_COLUMNS, most_rows=FIRST_ROWS)
    if drawn is None:
        return PagePictures()
    real, generated = (shrink(each, most_bytes=FIRST_BYTES).uri for each in drawn)
    rows = tuple(trial.samples)[:FIRST_ROWS]
    return PagePictures(pairs=(SamplePair(arm=arm_of(trial), real=real, generated=generated, rows=rows),))


def _panel(trial: Trial) -> PagePictures:
    panel = draw_pairs(trial)
    title = f"{trial.balancer}: {describe_trial(trial)}"
    return PagePictures(panels=() if panel is None else (PanelPictures(title=title, panel=panel),))


def _growth(trial: Trial) -> PagePictures:
    grown = draw_growth(trial)
    if grown is None:
        return PagePictures()
    title = f"{trial.balancer}: {describe_trial(trial)}"
    found = GrowthPictures(title=title, alt=grown.words, film=grown.film.uri, strip=grown.strip.uri)
    return PagePictures(growths=(found,))


# Everything that is drawn of a study. V8 is last: where addresses are few it is what ends a process.
GROUPS: Mapping[str, Group] = {
    "pictures": lambda subject: picture_drawings(subject.study),
    "what pages need beside images": lambda subject: page_drawings(subject.study),
    "charts": lambda subject: chart_drawings(subject.charts),
    "charts of a paper": lambda subject: paper_drawings(subject.study),
}
