"""The mirror of a study in Weights & Biases: one run for each trial, and one for the whole study."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import wandb
from pydantic import JsonValue

from gan_study.study.plan.config import WandbConfig
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.folder import Manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import read_records
from gan_study.study.watch.wandb_internals import EXPERIMENTAL_SETTINGS, session_of_ones_own
from gan_study.trainables.base.files import in_shell, read_text
from gan_study.trainables.base.settings import digest
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.trial.outcome import describe_failure

if TYPE_CHECKING:
    from gan_study.analysis.records.trial import Trial

# Until W&B has answered; after that the study continues without it, and the runs are kept here.
_SECONDS_TO_ANSWER = 30
# Until it has taken in a run that has ended, some MB at most; its client would wait for ever. What it waits for
# before that, the tables, has a limit of another kind: attempts, 2, 4, 8 ... s after one another.
_SECONDS_TO_SEND = 120

Mode: TypeAlias = Literal["online", "offline"]
Fill: TypeAlias = Callable[[wandb.Run], None]


class Connection:
    """Creates runs of one project in W&B or, after it did not answer, only on disk."""

    def __init__(self, config: WandbConfig, folder: StudyFolder) -> None:
        self._config, self._folder = config, folder
        # Why W&B could not be reached, and what to do about it.
        self.problem: str | None = None

    def make_run(self, fill: Fill, *, id: str, exit_code: int = 0, **of_this_run: Any) -> None:
        """Create a run, or continue it by its id; `fill` logs its content."""
        if self._config.mode == "online" and self.problem is None:
            try:
                self._made("online", fill, exit_code, resume="allow", id=id, **of_this_run)
                return
            except Exception as error:  # of many kinds, for instance for a variable that is no URL
                self.problem = self._kept_since(f"it cannot be reached ({describe_failure(error)})")
                # Its client holds on to the id that it could not make a run of.
                id = f"{id}-kept"
        self._made("offline", fill, exit_code, id=id, **of_this_run)

    def _made(self, mode: Mode, fill: Fill, exit_code: int, **of_this_run: Any) -> None:
        run = wandb.init(
            project=self._config.project,
            entity=self._config.entity,
            mode=mode,
            dir=self._folder.root,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=_SECONDS_TO_ANSWER,
                login_timeout=_SECONDS_TO_ANSWER,
                finish_timeout=_SECONDS_TO_SEND,
                finish_timeout_raises=True,
                # The driver's source is no trial's.
                disable_git=True,
                save_code=False,
                **EXPERIMENTAL_SETTINGS,
            ),
            **of_this_run,
        )
        place = Path(run.dir).parent
        try:
            fill(run)
        except Exception:
            # One that is left open would be waited for when the driver ends.
            with contextlib.suppress(TimeoutError):
                run.finish(exit_code=1)
            raise
        try:
            run.finish(exit_code=exit_code)
        except TimeoutError:
            self.problem = self._kept_since("it has stopped answering", place)

    def _kept_since(self, reason: str, *begun: Path) -> str:
        kept = " ".join((*map(in_shell, begun), offline_runs(self._folder)))
        # A run that was begun online is only sent where that is asked for.
        option = "--no-skip-online " if begun else ""
        return f"{reason}; runs are stored on disk; send them with `wandb sync {option}{kept}`"


def offline_runs(folder: StudyFolder) -> str:
    """The study's runs that are stored on disk, quoted for a shell command."""
    return in_shell(folder.root / "wandb") + "/offline-run-*"


class WandbMirror:
    """An observer that creates a run for each record, in its own thread, since starting one takes seconds.

    A run has its trial's id, and a file in the study's folder lists the complete ones: a resumed study creates
    only the missing runs. If W&B does not answer, this run and all later ones are stored on disk, to be sent by
    `wandb sync`.
    """

    def __init__(self, manifest: Manifest, folder: StudyFolder) -> None:
        self._manifest, self._folder = manifest, folder
        self._connection = Connection(manifest.config.wandb, folder)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wandb")
        self._runs: list[Future[None]] = []
        folder.mirrored.parent.mkdir(parents=True, exist_ok=True)

    def catch_up(self, records: Iterable[TrialRecord]) -> None:
        """Mirror those of `records` that an earlier driver did not reach."""
        complete = set(read_text(self._folder.mirrored).split()) if self._folder.mirrored.exists() else set()
        for record in records:
            if record.trial_id not in complete:
                self.finished(record)

    def started(self, trial: PlannedTrial) -> None:
        """Does nothing: a run is created when its trial has a record."""

    def finished(self, record: TrialRecord) -> None:
        """Mirror `record`."""
        self._runs.append(self._thread.submit(self._mirror, record))

    def close(self) -> list[str]:
        """Wait until everything is sent; returns problems, and what still must be sent, one line each."""
        self._thread.shutdown(wait=True)
        problems = [describe_failure(error) for run in self._runs if (error := run.exception()) is not None]
        return problems if self._connection.problem is None else [*problems, self._connection.problem]

    def _mirror(self, record: TrialRecord) -> None:
        self._connection.make_run(
            partial(self._fill, record),
            exit_code=0 if record.status != "failed" else 1,
            job_type=record.phase,
            id=f"{self._manifest.study_id}-{record.trial_id}",
            group=group(self._manifest, record),
            name=f"{record.balancer} ratio {record.imbalance_ratio:g} seed {record.seed}",
            tags=[self._manifest.unique_name, record.phase, record.status, record.balancer, record.dataset],
            config=configuration(self._manifest, record),
        )
        with self._folder.mirrored.open("a") as file:
            file.write(f"{record.trial_id}\n")

    def _fill(self, record: TrialRecord, run: wandb.Run) -> None:
        from gan_study.analysis.records.trial import open_trial  # late, as every use of the analysis

        trial = open_trial(self._folder.root, record)
        for pattern in ("generator_loss/*", "discriminator_loss/*", "milestone/*"):
            run.define_metric(pattern, step_metric="generator_steps")
        for pattern in ("validation/*", "test/*"):
            run.define_metric(pattern, step_metric="imbalance_ratio")
        for row in (*on_the_way(trial), at_the_end(record)):
            run.log(row)
        run.log(_confusions(trial))
        run.log(_pictures(trial))
        run.summary.update(summary(trial))


def _pictures(trial: "Trial") -> dict[str, wandb.Image]:
    from gan_study.analysis.plots.growth import draw_growth
    from gan_study.analysis.plots.nearest import draw_panel
    from gan_study.analysis.plots.samples import draw_sheet

    growth = draw_growth(trial)
    drawn = {"samples": draw_sheet(trial), "nearest": draw_panel(trial), "growth": growth and growth.strip_image}
    return {kind: wandb.Image(picture) for kind, picture in drawn.items() if picture is not None}


@contextlib.contextmanager
def mirroring(
    manifest: Manifest, folder: StudyFolder, *, say: Callable[[str], None]
) -> Iterator[list[WandbMirror]]:
    """The mirror of a study for the block, after which everything is sent; none if it cannot be created.

    It also sends what an earlier driver left. Problems are reported; a study continues without its mirror.
    """
    with contextlib.ExitStack() as closing:
        try:
            if foreign := closing.enter_context(session_of_ones_own(folder.mirrored.parent)):
                say(f"ignored, since they are not for this study: {', '.join(foreign)}")
            mirror = WandbMirror(manifest, folder)
            mirror.catch_up(read_records(folder.records))
        except Exception as error:  # W&B's are of many kinds, and a study does without them
            say(f"runs are not mirrored: {describe_failure(error)}")
            yield []
            return
        try:
            yield [mirror]
        finally:
            for problem in dict.fromkeys(mirror.close()):
                say(problem)


def mirror_report(manifest: Manifest, folder: StudyFolder) -> list[str]:
    """One run for the whole study: the tables (CSV) and plots (PNG) of its report, and the page.

    Returns problems, one line each; if W&B did not answer, the run is stored on disk.
    """
    connection = Connection(manifest.config.wandb, folder)
    try:
        with session_of_ones_own(folder.mirrored.parent):
            connection.make_run(
                partial(_fill_with_report, folder.report),
                job_type="summary",
                id=f"{manifest.study_id}-summary",
                name=f"{manifest.config.name} summary",
                tags=[manifest.unique_name, "summary"],
                config={"study": manifest.unique_name, "phase": "summary"},
            )
    except Exception as error:
        return [f"the report is not mirrored: {describe_failure(error)}"]
    return [] if connection.problem is None else [connection.problem]


def _fill_with_report(report: Path, run: wandb.Run) -> None:
    for path in sorted(report.rglob("*.csv")):
        # As text: columns of intervals and numbers alike, as the report shows them.
        # A figure's data may have the name of a table.
        kind = "plot_data" if path.parent.name == "plots" else "tables"
        run.log({f"{kind}/{path.stem}": wandb.Table(dataframe=pd.read_csv(path, dtype=str).fillna(""))})
    for path in sorted(report.rglob("*.png")):
        run.log({f"plots/{path.stem}": wandb.Image(str(path))})
    for path in sorted(report.glob("*.html")):
        run.log({path.stem: wandb.Html(path.read_text(encoding="utf-8"), inject=False)})


def group(manifest: Manifest, record: TrialRecord) -> str:
    """What the seeds of one configuration share, so that W&B draws them as one line with a band."""
    seedless = {key: value for key, value in record.config.items() if key not in ("seed", "evaluation")}
    return f"{manifest.unique_name} {record.balancer} ratio {record.imbalance_ratio:g} {digest(seedless)[:8]}"


def configuration(manifest: Manifest, record: TrialRecord) -> dict[str, JsonValue]:
    """The keys to group and filter runs: the trial's configuration as nested keys, and its names."""
    return {
        **record.config,
        "study": manifest.unique_name,
        "trial_id": record.trial_id,
        "phase": record.phase,
        "balancer": record.balancer,
        "classifier_name": record.classifier,
        "dataset": record.dataset,
        "imbalance_ratio": record.imbalance_ratio,
    }


def summary(record: "Trial") -> dict[str, Any]:
    """Every metric of a record by a flat name, such as "test/minority_f1"."""
    values: dict[str, Any] = {
        "status": record.status,
        "failure": record.failure,
        "objective": record.objective,
        **at_the_end(record),
    }
    for part in record.scores:
        by_class = record.class_scores(part)
        for metric in ("precision", "recall", "f1") if by_class else ():
            named = zip(record.class_names, getattr(by_class, metric).tolist(), strict=True)
            values |= {f"{part}/{metric}/{name}": None if np.isnan(value) else value for name, value in named}
    for name, quality in record.quality.items():
        values |= {f"generated/{metric}/{name}": value for metric, value in quality.metrics.items()}
    values |= {f"seconds/{stage}": seconds for stage, seconds in record.seconds.items()}
    return {name: value for name, value in values.items() if value is not None}


def at_the_end(record: TrialRecord) -> dict[str, float]:
    """The overall scores as one point at the trial's imbalance ratio, so that W&B can draw them against it."""
    scores = {
        f"{part}/{metric}": value
        for part, overall in record.scores.items()
        for metric, value in overall.items()
        if value is not None
    }
    return {"imbalance_ratio": record.imbalance_ratio, **scores}


def on_the_way(record: "Trial") -> list[dict[str, float]]:
    """The generators' losses and milestones in W&B's format: a dict for each generator step, an entry for each
    generator and network.
    """
    rows: dict[int, dict[str, float]] = {}
    for gan, losses in record.losses.items():
        for step, generator, discriminator in zip(*losses, strict=True):
            row = rows.setdefault(int(step), {"generator_steps": float(step)})
            row[f"generator_loss/{gan}"] = float(generator)
            if not np.isnan(discriminator):
                row[f"discriminator_loss/{gan}"] = float(discriminator)
    for milestone in record.milestones:
        step = milestone.generator_steps
        rows.setdefault(step, {"generator_steps": float(step)})["milestone/gain"] = milestone.objective
    return [rows[step] for step in sorted(rows)]


def _confusions(record: "Trial") -> dict[str, Any]:
    plots = {}
    for part in record.scores:
        if (scores := record.class_scores(part)) is not None:
            counts = scores.confusion_matrix
            # W&B counts itself: the class of each image, true and predicted.
            true, predicted = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1).tolist()
            plots[f"{part}/confusion_matrix"] = wandb.plot.confusion_matrix(
                y_true=true, preds=predicted, class_names=list(record.class_names)
            )
    return plots
