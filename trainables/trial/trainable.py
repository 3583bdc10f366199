"""The thin adapter between Ray Tune and a trial."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import ray
import torch
from pydantic import JsonValue
from ray import tune

from gan_study.trainables.base.settings import dump, parse
from gan_study.trainables.data.images import Loaded
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.batched.together import GanExecution
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.record import Milestone
from gan_study.trainables.runtime.cache import FolderStore
from gan_study.trainables.runtime.logs import logging_to
from gan_study.trainables.runtime.matrix_products import choose_library, first_choice
from gan_study.trainables.runtime.process import keep_freed_memory, use_threads
from gan_study.trainables.runtime.storage import StorageError, write_atomically
from gan_study.trainables.runtime.time_limit import TimeLimitExceeded, time_limit
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.run import (
    Purpose,
    TrialEvent,
    TrialOutcome,
    describe_failure,
    failed_record,
    run_trial,
)

_log = logging.getLogger(__name__)

# Keys of the dict that Tune hands over, and of the results that it gets back.
TRIAL, PURPOSE, FOLDER, RATIO, LOG = "trial", "purpose", "folder", "imbalance_ratio", "log"
KEPT, GANS, KEPT_EPOCHS, TIME_LIMIT = "kept", "gans", "kept_epochs", "time_limit_seconds"
GAN_EXECUTION, FAMILY = "gan_execution", "family"
INTERVAL, PATIENCE = "checkpoint_interval_seconds", "storage_patience_seconds"
RECORD, MILESTONE, OBJECTIVE, EPOCH = "record", "milestone", "objective", "epoch"
STORAGE_ERROR = "storage_error"


@dataclass(frozen=True, kw_only=True)
class SharedImages:
    """A data set in Ray's object store: an ImageSource whose arrays are views of memory that workers share.

    A machine holds one copy of a part, and of the test part none before a trial asks for it. What a machine that
    is lost held, Ray fetches again from the driver's. With the driver the study ends; who resumes it shares anew.
    """

    pool_part: "ray.ObjectRef[Loaded]"
    test_part: "ray.ObjectRef[Loaded]"
    test_counts: tuple[int, ...]

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation; its arrays cannot be written to."""
        return self._pool

    def test(self) -> Loaded:
        """The test part; its arrays cannot be written to."""
        return self._test

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order; the test part stays where it is."""
        return self.test_counts

    @cached_property
    def _pool(self) -> Loaded:
        loaded: Loaded = ray.get(self.pool_part)
        return loaded

    @cached_property
    def _test(self) -> Loaded:
        loaded: Loaded = ray.get(self.test_part)
        return loaded


def shared(source: ImageSource) -> SharedImages:
    """The images of `source`, read here and now and put where every worker finds them."""
    return SharedImages(
        pool_part=ray.put(source.pool()),
        test_part=ray.put(source.test()),
        test_counts=source.test_class_counts(),
    )


class GanStudyTrainable(tune.Trainable):  # type: ignore[misc]
    """Runs one trial; each step goes on to the trial's next milestone, the last one to its end.

    The result of the last step carries the complete record as one line of JSON. A trial that raises is a result
    too, a record that says why, so that Ray's own retries are left for processes and machines that die. Storage
    that fails for too long is no fault of the trial: it leaves no record, and the driver is told to stop.
    """

    _has_begun: bool

    def setup(self, config: dict[str, Any], images: SharedImages) -> None:
        """Begin the trial that `config` describes; `images` are those that every trial of the study asks for."""
        self._images = images
        use_threads(assigned_cpus())
        keep_freed_memory()
        choice = Path(config[KEPT]) / "matrix_products"
        choose_library(partial(first_choice, choice, patience_seconds=config[PATIENCE]))
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin another trial in the same process: starting a process and importing torch costs seconds."""
        self._begin(new_config)
        return True

    def step(self) -> dict[str, JsonValue]:
        """Go on to the next milestone or to the end; what happens meanwhile goes to the trial's log."""
        with logging_to(self._log_file):
            if not self._has_begun:
                # Not when it is handed over: Tune may still give it to another process.
                _log.info("began", extra={"balancer": self._trial.balancing.name})
                self._has_begun = True
            return self._step()

    def _step(self) -> dict[str, JsonValue]:
        try:
            with time_limit(self._deadline):
                event = next(self._events)
            return self._milestone(event) if isinstance(event, Milestone) else self._outcome(event)
        except StorageError as error:
            _log.error("storage failed", exc_info=error)
            return {STORAGE_ERROR: [error.errno, error.strerror, error.filename], "done": True}
        except (Exception, TimeLimitExceeded) as error:
            return self._failure(error)

    def _begin(self, config: Mapping[str, Any]) -> None:
        self._trial = parse_trial(config[TRIAL])
        self._purpose = parse(Purpose, config[PURPOSE], where=PURPOSE)
        self._folder = Path(config[FOLDER])
        self._log_file = Path(config[LOG])
        self._has_begun = False
        self._ratio = float(config[RATIO])
        limit = config[TIME_LIMIT]
        self._deadline = None if limit is None else time.monotonic() + limit
        device = assigned_device()
        kept, self._patience = Path(config[KEPT]), config[PATIENCE]
        self._events: Iterator[TrialEvent] = run_trial(
            self._trial,
            self._purpose,
            device=device,
            checkpoints=Checkpoints(
                folder=Path(config[GANS]),
                epochs=frozenset(config[KEPT_EPOCHS]),
                every_seconds=config[INTERVAL],
                patience_seconds=self._patience,
            ),
            store=FolderStore(kept / "measures", patience_seconds=self._patience),
            source=self._images,
            execution=parse(GanExecution, config[GAN_EXECUTION], where=GAN_EXECUTION),
            family=config[FAMILY],
        )

    def _milestone(self, milestone: Milestone) -> dict[str, JsonValue]:
        _log.info("milestone", extra=dump(milestone))
        return {MILESTONE: dump(milestone), OBJECTIVE: milestone.objective, EPOCH: milestone.epoch}

    def _outcome(self, outcome: TrialOutcome) -> dict[str, JsonValue]:
        for name, content in outcome.files.items():
            path = self._folder / outcome.record.artifacts[name]
            write_atomically(path, content, patience_seconds=self._patience)
        _log.info("ended", extra={"objective": outcome.record.objective})
        return {RECORD: outcome.record.to_line(), OBJECTIVE: outcome.record.objective, "done": True}

    def _failure(self, error: BaseException) -> dict[str, JsonValue]:
        _log.error("failed", exc_info=error)
        record = failed_record(
            self._trial, self._purpose, reason=describe_failure(error), imbalance_ratio=self._ratio
        )
        return {RECORD: record.to_line(), "done": True}


def assigned_cpus() -> int:
    """The CPUs that Ray gave this trial; a share of one counts as one."""
    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))


def assigned_device() -> torch.device:
    """A GPU where Ray gave this trial one or a share of one that torch can use, and the CPU otherwise.

    Ray hides no GPU from those that asked for none. The record names the device.
    """
    is_given = ray.get_runtime_context().get_assigned_resources().get("GPU", 0) > 0
    return torch.device("cuda" if is_given and torch.cuda.is_available() else "cpu")
