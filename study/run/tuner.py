"""The Ray Tune run that executes a session's trials."""

import datetime
import os

from ray import tune
from ray.tune import TuneError
from rich.console import Console

from gan_study.study.plan.config import StudyConfig
from gan_study.study.run.cluster import Room, has_machine, in_words
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.ray_internals import restart_after_oom
from gan_study.study.run.scheduling import SessionScheduler
from gan_study.study.run.session import StudySession
from gan_study.study.run.tune_adapter import PlacementNotice, SessionCallback, SessionSearcher, trial_id_of
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.trial.trainable import GanStudyTrainable, SharedImages

# A trial whose process or machine dies is started again as often, then recorded as failed.
MAX_RESTARTS = 2
# Trials that wait for machines that could still be started: each is suggested without what the others will find.
MOST_WAITING = 16


def run_trials(
    config: StudyConfig,
    folder: StudyFolder,
    session: StudySession,
    images: SharedImages,
    room: Room,
    *,
    console: Console,
    verbose: bool,
) -> None:
    """Run the session's trials to the end, or until a person stops it; raises errors that a person can fix."""
    _set_environment(room, verbose=verbose)
    placement = tune.PlacementGroupFactory([dict(room.trial)])
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(GanStudyTrainable, images=images), placement),
        tune_config=tune.TuneConfig(
            search_alg=SessionSearcher(
                session, folder, config.resources, num_workers=None if room.grows else room.num_workers
            ),
            scheduler=SessionScheduler(session.reached),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=trial_id_of,
            trial_dirname_creator=lambda trial: f"{trial_id_of(trial)}-{trial.trial_id}",
        ),
        run_config=tune.RunConfig(
            name=f"{datetime.datetime.now():%Y%m%d-%H%M%S}",
            storage_path=str(folder.ray),
            callbacks=[
                SessionCallback(session),
                PlacementNotice(
                    in_words(room.trial),
                    say=lambda text: console.print(text, markup=False),
                    has_machine=lambda: room.grows or has_machine(),
                ),
            ],
            # A trial that is cut off finds its GAN's state in the study's folder.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_RESTARTS),
            verbose=1 if verbose else 0,
        ),
    )
    try:
        with restart_after_oom():
            tuner.fit()
    except TuneError as error:
        raise reason_of(error) from None


def _set_environment(room: Room, *, verbose: bool) -> None:
    """Set what Tune reads from environment variables alone; the caller gives the environment back."""
    # A searcher's trials are otherwise asked for one by one, each when the worker of the one before has started:
    # on 16 cores that is a minute. One more than there are workers waits, for the first that becomes free. Where
    # machines are started for what waits, as much waits as may.
    waiting = max(room.num_workers, MOST_WAITING) if room.grows else room.num_workers
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(waiting + 1)
    # Records are ours; Ray's CSV, JSON and TensorBoard loggers would write every one of them three more times.
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    # Nor is its own state of use to us, all trials again each time; it is written when the study begins and ends.
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"
    if not verbose:
        # The newer output prints a banner at any verbosity.
        os.environ["RAY_AIR_NEW_OUTPUT"] = "0"


def reason_of(error: BaseException) -> BaseException:
    """The error in a chain that a person can fix, for example a full disk; `error` itself if there is none.

    Tune wraps every error of its callbacks and its searcher in one of its own, whose message is a traceback.
    """
    link: BaseException | None = error
    while link is not None and not isinstance(link, OSError | UserError):
        link = link.__cause__ or link.__context__
    return link or error
