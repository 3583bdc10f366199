"""The mirror of a study in Weights & Biases: one run a trial, grouped by study."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import wandb

from study.config import WandbConfig
from study.planner import PlannedTrial
from trainables.record import TrialRecord


class WandbMirror:
    """An observer that makes a run of each record, in a thread of its own, since starting one takes seconds."""

    def __init__(self, config: WandbConfig, *, group: str, study_folder: Path, run_folder: Path) -> None:
        self._config = config
        self._group = group
        self._study_folder = study_folder
        self._run_folder = run_folder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wandb")
        self._runs: list[Future[None]] = []
        run_folder.mkdir(parents=True, exist_ok=True)

    def started(self, trial: PlannedTrial) -> None:
        """Nothing: a run is made when its record is."""

    def finished(self, record: TrialRecord) -> None:
        """Mirror `record`."""
        self._runs.append(self._thread.submit(self._mirror, record))

    def close(self) -> list[str]:
        """Wait until all is sent; gives back what went wrong, one line a run."""
        self._thread.shutdown(wait=True)
        return [str(error) for run in self._runs if (error := run.exception()) is not None]

    def _mirror(self, record: TrialRecord) -> None:
        run = wandb.init(
            project=self._config.project,
            group=self._group,
            job_type=record.phase,
            id=f"{self._group}-{record.trial_id}",
            name=f"{record.balancer} ratio {record.imbalance_ratio:g} seed {record.seed}",
            tags=[record.phase, record.status, record.balancer, record.dataset],
            config=dict(record.config),
            mode="offline" if self._config.mode == "offline" else "online",
            dir=self._run_folder,
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )
        for losses in _loss_steps(record):
            run.log(losses)
        run.summary.update(summary(record))
        if "samples" in record.artifacts:
            run.log({"samples": wandb.Image(str(self._study_folder / record.artifacts["samples"]))})
        run.finish(exit_code=0 if record.status != "failed" else 1)


def summary(record: TrialRecord) -> dict[str, Any]:
    """Every metric of a record by a flat name, such as "test/minority_f1"."""
    values: dict[str, Any] = {
        "status": record.status,
        "failure": record.failure,
        "objective": record.objective,
        "imbalance_ratio": record.imbalance_ratio,
    }
    for part, scores in record.scores.items():
        values |= {f"{part}/{metric}": value for metric, value in scores.overall.items()}
        for metric, by_class in scores.per_class.items():
            named = zip(record.class_names, by_class, strict=True)
            values |= {f"{part}/{metric}/{name}": value for name, value in named}
    values |= {f"seconds/{stage}": seconds for stage, seconds in record.seconds.items()}
    return {name: value for name, value in values.items() if value is not None}


def _loss_steps(record: TrialRecord) -> list[dict[str, float]]:
    """The GAN's losses as W&B logs them: one dict an epoch, one entry a GAN and network."""
    epochs: dict[int, dict[str, float]] = {}
    for gan, losses in record.losses.items():
        for loss in losses:
            step = epochs.setdefault(loss.epoch, {"gan_epoch": float(loss.epoch)})
            step[f"generator_loss/{gan}"] = loss.generator
            step[f"discriminator_loss/{gan}"] = loss.discriminator
    return [epochs[epoch] for epoch in sorted(epochs)]
