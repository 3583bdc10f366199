"""From a trial's configuration to a balanced folder: trains its generator, fills rare classes, writes files."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from gan_study.trainables.balancing.balancer import deficits
from gan_study.trainables.balancing.drawing import INSTEAD_OF_REJECTED, passing_rows
from gan_study.trainables.balancing.generator import (
    GeneratorBalancing,
    TrainedGenerators,
    generate_images,
    samples_seed,
)
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.data.byte_images import Images, hold, take
from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.data.images import TrainingSet, training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.picture import Range
from gan_study.trainables.export.about import About
from gan_study.trainables.export.balanced_folder import (
    CARD,
    DESCRIPTION,
    GENERATOR,
    Description,
    digest_manifest,
    validation_scores,
    write_manifest,
)
from gan_study.trainables.export.cards import data_card, model_card
from gan_study.trainables.export.croissant import write_croissant
from gan_study.trainables.export.describing import describe_export, recognition_notes
from gan_study.trainables.export.filling import INSTEAD_OF_COPIES, Filling, KnownImages, fill_class
from gan_study.trainables.export.findings import ClassFindings, describe_findings, refuse_faults
from gan_study.trainables.export.image_files import RealFiles, real_files, rewritten_notes, write_images
from gan_study.trainables.export.layout import write_settings
from gan_study.trainables.export.request import (
    REQUEST,
    WORK,
    ExportRequest,
    day_begun,
    find_finished,
    refuse_source,
)
from gan_study.trainables.export.saved_generator import (
    collect_generators,
    load_generator,
    weights_digest,
    write_generator,
)
from gan_study.trainables.export.tables import write_class_table, write_metadata
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.training import TrainedGenerator
from gan_study.trainables.image_quality.class_quality import ClassQuality
from gan_study.trainables.image_quality.image_filter import ImageFilter
from gan_study.trainables.image_quality.judge import ReferenceModels, measure_images
from gan_study.trainables.runtime.cache import FolderStore
from gan_study.trainables.runtime.folders import refuse_links, sole_writer
from gan_study.trainables.runtime.process import use_threads, with_torch_defaults
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.data import TrialParts, prepare
from gan_study.trainables.trial.run import reference_models

# A checkpoint takes milliseconds, and an interruption loses at most this much training.
_CHECKPOINT_SECONDS = 10.0

# Called with a stage, and how much of it is done out of how much.
ShowProgress: TypeAlias = Callable[[str, int, int], None]


@with_torch_defaults
def export(
    request: ExportRequest, folder: Path, *, progress: ShowProgress = lambda stage, done, total: None
) -> Description:
    """Write the balanced folder for `request`, and describe it; continues an interrupted export.

    Uses a GPU if there is one; on a CPU this process has the request's threads from now on. The real images are
    those that the trial may train on and, apart from them, its validation set; the test set is not read. Raises
    UserError if `folder` holds anything else, if it lies in the folder of the real images or around it, if the
    data cannot be used, and if the synthetic images have a fault that is not allowed.
    """
    config, balancer = request.config, request.config.balancing.balancer
    if not isinstance(balancer, GeneratorBalancing):
        raise ConfigError(
            f"balancing.name: {config.balancing.name!r} trains no generator; only images of a GAN or of another "
            "generator are exported"
        )
    refuse_source(config, folder)
    # Files may be links, to real images: they are replaced and not written through.
    refuse_links(folder.resolve(), files=False)
    finished = find_finished(request, folder)
    if finished is not None:
        return _with_about(finished, request.about, folder)
    use_threads(request.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    source = image_source(config.data)
    parts, levels = prepare(config, source), source.pool().levels
    if request.all_images:
        parts = without_validation(parts)
    training = training_set(parts.training, parts.classes, device)
    missing = deficits(training, balance_to=balancer.balance_to)
    if not missing:
        counts = zip(training.class_counts(), parts.classes.names, strict=True)
        words = ", ".join(f"{n} ({name})" for n, name in counts)
        raise UserError(f"no rare class lacks images; the classes have {words}")
    # Only now, when the data have turned out to be usable.
    data, made_on = take_fingerprint(config.data).digest, day_begun(folder)
    with sole_writer(folder):
        write_atomically(folder / REQUEST, request.to_bytes(data, made_on=made_on))
        description = _Export(
            request, balancer, folder, parts, levels, training, missing, data, made_on, progress
        ).run()
        shutil.rmtree(folder / WORK)
    return description


def _with_about(finished: Description, about: About, folder: Path) -> Description:
    """A complete folder whose cards say what is now known of the real images; without anything, as they were."""
    if about in (About(), finished.about):
        return finished
    found = replace(finished, about=about)
    generator = folder / GENERATOR
    write_atomically(generator / CARD, model_card(found, load_generator(generator).config).encode())
    _write_words(folder, found)
    return found


def _write_words(folder: Path, description: Description) -> None:
    """All that says what is in the folder; the description last of all, since a folder with it is complete."""
    write_croissant(folder, description)
    write_atomically(folder / CARD, data_card(description).encode())
    write_settings(folder / DESCRIPTION, description)


def without_validation(parts: TrialParts) -> TrialParts:
    """`parts` with all images that the imbalance left for training, and none for validation."""
    rows = np.setdiff1d(np.arange(len(parts.pool)), parts.held_back)
    return replace(
        parts, training=parts.pool.subset(rows), validation=parts.pool.subset(rows[:0]), validating=rows[:0]
    )


# How often the training shows how far it is: every few seconds on one core.
PROGRESS_STEPS = 100


@dataclass(frozen=True, eq=False)
class _Export:
    """One export under way: `missing` maps the label of each rare class to the images that it lacks, `levels` is
    the range by which images of more than 8 bits were read, `data` the digest of the files of real images,
    `made_on` the day on which it began.
    """

    request: ExportRequest
    balancer: GeneratorBalancing
    folder: Path
    parts: TrialParts
    levels: Range | None
    training: TrainingSet
    missing: Mapping[int, int]
    data: str
    made_on: str
    progress: ShowProgress

    def run(self) -> Description:
        """Everything, the description last."""
        config, folder = self.request.config, self.folder
        gans = self._train_gans()
        with self._stage("learning features"):
            store = FolderStore(folder / WORK / "measures")
            real, models = reference_models(config, self.parts, self.training, store)
            known = KnownImages.of(self.training, models.features)
        held_out = real.held_out
        fillings = {
            label: self._fill(label, known, held_out.of_class(label), gans.by_label[label], models)
            for label in self.missing
        }
        refuse_faults(self._findings(fillings, {}), allowed=self.request.allowed)
        with self._stage("measuring images"):
            balanced, seed = self._balanced(fillings), derive_seed(config.seed, "quality")
            measured = measure_images(balanced, real, models, seed=seed)
        quality = {self.parts.classes.names[label]: each.quality for label, each in measured.items()}
        generator = collect_generators(gans, config.balancing, self.training.shape, self.parts.classes)
        files = real_files(self.parts, config.data)
        description = describe_export(
            self.request,
            self.parts,
            self.training,
            fillings,
            self._findings(fillings, quality),
            levels=self.levels,
            data=self.data,
            generator_steps=gans.generator_steps,
            generator_sha256=weights_digest(generator),
            notes=(*self.parts.notes, *gans.notes, *rewritten_notes(files), *recognition_notes(quality)),
            made_on=self.made_on,
        )
        self._write_images(files, fillings, description)
        description = replace(description, manifest_digest=digest_manifest(folder))
        if not self.request.all_images:
            with self._stage("validating"):
                scores = validation_scores(folder, description, device=self.training.images.device)
            description = replace(description, validation=scores.overall)
        write_generator(folder / GENERATOR, generator, card=model_card(description, generator.config))
        write_class_table(folder, description)
        _write_words(folder, description)
        return description

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.progress(name, 0, 1)
        yield
        self.progress(name, 1, 1)

    def _train_gans(self) -> TrainedGenerators:
        length, states = self.balancer.length, self.request.states
        most = self.balancer.most_generator_steps(self.training)
        # Milestones for the progress; but where states are given, a training with an early milestone continues
        # from none later than that.
        milestones = () if states is not None else tuple(range(PROGRESS_STEPS, most, PROGRESS_STEPS))
        balancer = self.balancer.with_length(replace(length, milestones=milestones))
        checkpoints = Checkpoints(folder=self.folder / WORK / "gans", every_seconds=_CHECKPOINT_SECONDS)
        if states is not None:
            shutil.copytree(states, checkpoints.folder, dirs_exist_ok=True)
        stage = f"training {self.request.config.balancing.name}"
        self.progress(stage, 0, most)
        for gans in balancer.train(self.training, seed=self._balancing_seed, checkpoints=checkpoints):
            self.progress(stage, gans.generator_steps, most)
        self.progress(stage, most, most)
        return gans

    def _fill(
        self, label: int, known: KnownImages, held_out: Images, trained: TrainedGenerator, models: ReferenceModels
    ) -> Filling:
        judge = ImageFilter(classifier=models.domain, training=self.training)

        def draw(number: int, seed: int) -> Images:
            # As many as the trial drew, so that the images are the trial's, but for copies that are thrown away.
            images = generate_images(
                trained,
                torch.full((self.missing[label],), label, device=self.training.labels.device),
                size=self.training.shape.size,
                seed=seed,
                real=self.training.images,
            )
            if self.balancer.filter == "apply":
                images = take(images, passing_rows(judge(images, label)))
            return take(images, slice(number))

        seed, number = samples_seed(self._balancing_seed, label), self.balancer.additions(self.training)[label]
        # A trial whose filter is applied has drawn more than once.
        later = INSTEAD_OF_REJECTED if self.balancer.filter == "apply" else INSTEAD_OF_COPIES
        filling = fill_class(known, label, held_out, number, draw, models.features, seed=seed, later_draws=later)
        self.progress("making images", sorted(self.missing).index(label) + 1, len(self.missing))
        return filling

    def _findings(
        self, fillings: Mapping[int, Filling], quality: Mapping[str, ClassQuality]
    ) -> dict[str, ClassFindings]:
        names = self.parts.classes.names
        return {
            names[label]: describe_findings(filling, quality.get(names[label]), num_classes=len(fillings))
            for label, filling in fillings.items()
        }

    def _write_images(self, files: RealFiles, fillings: Mapping[int, Filling], description: Description) -> None:
        num_made = sum(len(each.images) for each in fillings.values())
        total = len(self.parts.training) + len(self.parts.validation) + num_made
        rows = []
        assert description.generator_sha256 is not None, "each synthetic image names its generator"
        digest = description.generator_sha256
        for row in write_images(self.folder, self.request, self.parts, files, fillings, generator_sha256=digest):
            rows.append(row)
            self.progress("writing images", len(rows), total)
        write_manifest(self.folder, rows)
        write_metadata(self.folder, rows)

    def _balanced(self, fillings: Mapping[int, Filling]) -> TrainingSet:
        balanced, device = self.training, self.training.images.device
        for label, made in fillings.items():
            labels = torch.full((len(made.images),), label, device=device)
            balanced = balanced.extended(hold(made.images, device), labels)
        return balanced

    @property
    def _balancing_seed(self) -> int:
        return derive_seed(self.request.config.seed, "balancing")
