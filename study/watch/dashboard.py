"""A study in W&B as code: a workspace to explore its runs, and a report to share.

Both show the answer and the tables of the study's page, recall and F1 against the ratio, the search, and images.
"""

from collections.abc import Mapping

import wandb_workspaces.expr as expressions
from wandb_workspaces import workspaces
from wandb_workspaces.reports import v2 as panels

from gan_study.search_spaces.space import Space
from gan_study.study.run.folder import Manifest
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.base.tunable import Float

# Charts of the report that its run in W&B holds: gains by method, against the ratio and against the dose.
CHARTS = [f"plots/{name}" for name in ("gain", "chosen", "gain_map", "dose", "images_a_class")]

_BALANCER = panels.Config("balancer")

# The sets of runs that the report shows, by the phase of their trials.
_RUN_SETS = {"summary": "The study's report", "confirm": "Confirmed trials", "search": "Search trials"}


def dashboard(manifest: Manifest, *, entity: str, answer: Mapping[str, str]) -> workspaces.Workspace:
    """The workspace of the study in the W&B project of its runs; `entity` is a W&B user or team.

    It begins with `answer`, Markdown texts by their titles, and the charts of the report. Runs are filtered to
    the study and grouped, so that the seeds of one configuration are one line with a band.
    """
    sections: dict[str, list[object]] = {
        "Answer": [*_answer_panels(answer), _charts_of_report()],
        "Test scores": _score_panels(),
        "Search (validation)": _search_panels(manifest.config.space()),
        "Generated images": [_samples()],
    }
    return workspaces.Workspace(
        entity=entity,
        project=manifest.config.wandb.project,
        name=manifest.unique_name,
        sections=[workspaces.Section(name=name, is_open=True, panels=shown) for name, shown in sections.items()],
        settings=workspaces.WorkspaceSettings(max_runs=100),
        runset_settings=workspaces.RunsetSettings(
            filters=[expressions.Config("study") == manifest.unique_name],
            groupby=[expressions.Config(key) for key in ("phase", "balancer", "imbalance_ratio")],
        ),
    )


def report(manifest: Manifest, *, entity: str, answer: Mapping[str, str]) -> panels.Report:
    """The W&B report of the study: `answer` as text, then the panels of `dashboard`, each with its set of runs.

    A set of runs is one phase of this study, so charts of the test set show only confirmed trials.
    """

    def grid(phase: str, *shown: object) -> panels.PanelGrid:
        runs = panels.Runset(
            entity=entity,
            project=manifest.config.wandb.project,
            name=_RUN_SETS[phase],
            filters=[expressions.Config("study") == manifest.unique_name, expressions.Config("phase") == phase],
            groupby=["config.balancer", "config.imbalance_ratio"],
        )
        return panels.PanelGrid(runsets=[runs], panels=list(shown))

    sections: dict[str, list[object]] = {
        **{title: [panels.MarkdownBlock(text=text)] for title, text in answer.items()},
        "Charts of the report": [grid("summary", _charts_of_report())],
        "Test scores": [grid("confirm", *_score_panels())],
        "Search (validation)": [grid("search", *_search_panels(manifest.config.space()))],
        "Generated images": [grid("confirm", _samples())],
    }
    blocks = [block for title, shown in sections.items() for block in (panels.H1(text=title), *shown)]
    return panels.Report(
        entity=entity,
        project=manifest.config.wandb.project,
        title=manifest.unique_name,
        description=manifest.config.summary,
        blocks=[panels.TableOfContents(), *blocks],
    )


def save(view: workspaces.Workspace | panels.Report) -> str:
    """Save the workspace or report in W&B and return its address; raises UserError if W&B rejects it."""
    try:
        view.save()
    # Its client raises errors of requests and of wandb, and ValueError.
    except Exception as error:
        what = "report" if isinstance(view, panels.Report) else "workspace"
        raise UserError(f"W&B rejected the {what}: {' '.join(str(error).split())}") from None
    return str(view.url)


def _charts_of_report() -> panels.MediaBrowser:
    return panels.MediaBrowser(title="Charts of the report", media_keys=CHARTS)


def _samples() -> panels.MediaBrowser:
    return panels.MediaBrowser(title="Real and generated images", media_keys=["samples"])


def _answer_panels(answer: Mapping[str, str]) -> list[object]:
    return [panels.MarkdownPanel(markdown=f"### {title}\n\n{text}") for title, text in answer.items()]


def _score_panels() -> list[object]:
    against_ratio = [
        panels.LinePlot(
            title=f"Test {metric.replace('_', ' ')} against the imbalance ratio",
            x="imbalance_ratio",
            y=[f"test/{metric}"],
            log_x=True,
            groupby=_BALANCER,
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
            range_y=(0, 1),
        )
        for metric in ("minority_recall", "minority_f1", "macro_f1")
    ]
    by_balancer = panels.BarPlot(
        title="Test minority F1 by balancer", metrics=[panels.SummaryMetric("test/minority_f1")], groupby=_BALANCER
    )
    return [*against_ratio, by_balancer]


def _search_panels(space: Space) -> list[object]:
    # An axis for each parameter, by the nested key that its value has in a run's configuration; what several
    # balancers have ranges of their own for is one axis.
    by_path = {key.partition("@")[0]: domain for key, domain in space.parameters.items()}
    column = panels.ParallelCoordinatesPlotColumn
    columns = [
        column(
            metric=panels.Config(path.replace("/", ".")),
            display_name=path,
            log=isinstance(domain, Float) and domain.log,
        )
        for path, domain in by_path.items()
    ]
    columns.append(column(metric=panels.SummaryMetric("objective"), display_name="objective", log=False))
    return [
        panels.ParallelCoordinatesPlot(title="Searched settings, and the gain over no balancing", columns=columns),
        panels.ParameterImportancePlot(with_respect_to="objective"),
        panels.LinePlot(
            title="Gain over no balancing at milestones",
            x="generator_steps",
            y=["milestone/gain"],
            groupby=_BALANCER,
            groupby_rangefunc="minmax",
        ),
    ]
