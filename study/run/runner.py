"""The three entry points: run a study, plan it, and continue it.

They load Ray and pandas, which takes seconds, so the import comes after the first message.
"""

import contextlib
import datetime
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_study.study.plan.config import StudyConfig, check_study_config
from gan_study.study.plan.trials import num_trials
from gan_study.study.run.callers_process import as_it_was
from gan_study.study.run.interpreter import find_fault
from gan_study.study.run.options import RunOptions
from gan_study.study.watch.terminal import say
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.files import named_path
from gan_study.trainables.base.names import folder_name
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data.prepared import forget_images

if TYPE_CHECKING:
    from gan_study.study.run.result import StudyResult
    from gan_study.study.watch.outlook import Outlook


@checked_arguments
def run_study(
    config: StudyConfig, *, out: Path | str | None = None, options: RunOptions | None = None
) -> "StudyResult":
    """Run a study in a new folder.

    Parameters
    ----------
    config : StudyConfig
        What to study; `study_config` reads one from a recipe.
    out : Path or str, optional
        The new folder, by default one in ./studies. On a cluster all machines must see it.
    options : RunOptions, optional
        Where the study runs, and for how long at most.

    Returns
    -------
    StudyResult
        The folder and the records; also `answer`, `verdicts`, `report()` and `best_gan()`.

    Raises
    ------
    UserError
        If configuration or data cannot be used; nothing is written then.
    UnfinishedStudyError
        If a person stops the study before its last trial.

    Examples
    --------
    This trains GANs for a few minutes, so the tests skip it.

    >>> from gan_study import run_study, study_config
    >>> result = run_study(study_config("quickstart"))  # doctest: +SKIP
    >>> print(result.answer)  # doctest: +SKIP
    """
    options = options or RunOptions()
    if out is None:
        # A name may hold what leads elsewhere, or cannot stand in a path.
        out = Path("studies", f"{folder_name(config.name)}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    root = named_path(out)
    check_study_config(config)
    say(options.console, f"Study: {root}, {num_trials(config, None)} trials")
    with _own_process(options.console):
        from gan_study.study.run.begin import begin_study

        return begin_study(config, root, options)


@checked_arguments
def plan_study(config: StudyConfig, *, options: RunOptions | None = None) -> "Outlook":
    """What the study `config` will do and how long it takes, after measuring the machine; nothing is written."""
    options = options or RunOptions()
    with _own_process(options.console):
        from gan_study.study.run import begin

        return begin.plan_study(config, options)


@checked_arguments
def resume_study(
    root: Path | str,
    *,
    options: RunOptions | None = None,
    seeds: int | None = None,
    trials: int | None = None,
    until_decided: bool = False,
    retry_failed: bool = False,
) -> "StudyResult":
    """Continue a study, or extend it to more seeds or trials; no trial that has a record runs again.

    What an earlier run left out for lack of time is done now, or as much of it as fits into a new budget.

    Parameters
    ----------
    root : Path or str
        The folder of the study.
    options : RunOptions, optional
        Where the study runs, and for how long at most.
    seeds : int, optional
        Take the study to this many seeds in all (see `take_to_seeds`).
    trials : int, optional
        Take its search to this many trials in all (see `take_to_trials`).
    until_decided : bool
        Check that the study was begun with `confirm.until: decided`; it changes nothing.
    retry_failed : bool
        Run failed trials again; their records are set aside.

    Returns
    -------
    StudyResult
        The folder and all records, as `run_study` returns them.

    Raises
    ------
    StudyInUseError
        If another process runs the study.
    ConfigError
        If `seeds`, `trials` or `until_decided` do not go with the study, or `study.json` was edited (see
        `take_in_edits`).
    DataError
        If the data of the study have changed.

    Examples
    --------
    This trains GANs, so the tests skip it.

    >>> from gan_study import resume_study
    >>> result = resume_study("studies/mine", seeds=12)  # doctest: +SKIP
    """
    root, options = named_path(root), options or RunOptions()
    with _own_process(options.console):
        from gan_study.study.run.resume import continue_study

        return continue_study(
            root, options, seeds=seeds, trials=trials, until_decided=until_decided, retry_failed=retry_failed
        )


# Held while a study runs: Ray has one session in a process, and a study ends the one it began.
_ONE_STUDY = threading.Lock()


@contextlib.contextmanager
def _own_process(console: Console) -> Iterator[None]:
    """The caller's process for a while, without the variables that were set for other runs.

    Nor with images that an earlier study read in it: their files may have been changed since, as in a notebook.
    """
    if (fault := find_fault()) is not None:
        raise UserError(fault)
    if not _ONE_STUDY.acquire(blocking=False):
        raise UserError("another study runs in this process; run this one afterwards, or in a process of its own")
    try:
        forget_images()
        with as_it_was() as foreign:
            if foreign:
                say(console, f"These environment variables are ignored: {', '.join(foreign)}")
            yield
    finally:
        _ONE_STUDY.release()
