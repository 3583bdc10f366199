"""What every member of a catalog keeps to on a GPU, as far as a pretended one can tell (docs/gpu.md)."""

from dataclasses import replace

import pytest
import torch

from benchmarks.pretended_gpu import NAME, DeviceMismatchError, PretendedGpu
from gan_study.trainables.balancing.autoencoder.training import AutoencoderTrainer
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.classifiers import training as classifier_training
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.data import byte_images
from gan_study.trainables.flow.training import FlowTrainer
from gan_study.trainables.gans.batched import GanExecution
from gan_study.trainables.gans.batched.stacked import StackedTrainer, train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.random_streams import GeneratorStream
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import GanVariant, Term, TrainingData, parse_gan_settings
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import Purpose, TrialOutcome
from gan_study.trainables.trial.run import run_trial
from tests.members import each
from tests.trainables.classifiers.tiny_weights import MODEL, write_weights

pytestmark = pytest.mark.usefixtures("few_domain_steps")

CUDA = torch.device("cuda")
# One step of a GAN or another generator, and those of a classifier in an epoch.
STEPS = (
    *(GanTrainer.take_step, StackedTrainer.take_step, FlowTrainer.take_step, AutoencoderTrainer.take_step),
    classifier_training._Descent.run,
)
# Without the tensors of networks on their way to the device, whose number is the networks'.
MOST_WAITS = 60


def trial_on(gpu, balancer="none", *, classifier=None, gan=None, filter="measure", confirms=False, **named):
    """The record of a trial on `gpu`."""
    warm_start = {"warm_start_epochs": 1} if balancer in VARIANTS and VARIANTS[balancer].warm_start else {}
    section = BALANCERS[balancer].training_section
    settings = {section: gan or {"epochs": 1, **warm_start}, "filter": filter} if section else {}
    config = parse_trial(
        {
            "seed": 5,
            "evaluation": {"test": confirms},
            "data": {"name": "digits", "image_size": 8, "train_size": 300},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {"name": "simple_cnn", "epochs": 1, **(classifier or {})},
            "balancing": {"name": balancer, **settings},
        }
    )
    with gpu:
        purpose = Purpose(phase="confirm" if confirms else "search")
        *_, last = run_trial(config, purpose, device=CUDA, **named)
    assert isinstance(last, TrialOutcome)
    return last.record


def others_than_uploads(gpu):
    return [wait for wait in gpu.waits if wait.what != "upload"]


def check_waits(gpu, *, most=MOST_WAITS):
    assert gpu.waits_within(*STEPS) == []
    assert len(others_than_uploads(gpu)) <= most, gpu.places()


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_a_balancers_trial_waits_in_no_step(balancer):
    gpu = PretendedGpu()
    assert trial_on(gpu, balancer).environment["device"] == NAME
    check_waits(gpu)


@pytest.mark.parametrize("classifier", each(CLASSIFIERS))
def test_a_classifiers_trial_waits_in_no_step(classifier):
    gpu = PretendedGpu()
    trial_on(gpu, classifier={"name": classifier})
    check_waits(gpu)


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["frozen", "fine_tuned"])
def test_a_backbones_trial_waits_in_no_step(tuning, tmp_path):
    weights = write_weights(tmp_path / "tiny.pth")
    backbone = {"model": MODEL, "weights": str(weights), "tuning": tuning, "image_size": 32}
    gpu = PretendedGpu()
    trial_on(gpu, classifier={"name": "backbone", "backbone": backbone})
    check_waits(gpu)


@pytest.mark.slow
def test_all_that_a_trial_can_be_asked_for_goes_on_there(tmp_path, monkeypatch):
    """Images as bytes, a filter, an end that is found, batched GANs, states that are cached, measured images."""
    monkeypatch.setattr(byte_images, "MOST_FLOAT_BYTES", 0)
    gan = {"generator_steps": 16, "most_generator_steps": 48, "diff_augment": True, "ema_decay": 0.9}
    checkpoints = Checkpoints(folder=tmp_path, generator_steps=frozenset({16}), keeps_looked_at=True)

    def run(**named):
        gpu = PretendedGpu()
        watching = {"early_stopping": {"patience": 2}, "augmentation": {"flip_probability": 0.5}, "epochs": 3}
        record = trial_on(
            gpu,
            "dcgan",
            classifier=watching,
            gan=gan,
            filter="apply",
            confirms=True,
            checkpoints=checkpoints,
            execution=GanExecution(way="batched").for_seeds(),
        )
        # An epoch's validation loss decides whether there is another, and the judge looks at each class.
        check_waits(gpu, most=500)
        return record.outcome()

    assert run() == run()
    assert list(tmp_path.rglob("*.pt"))


def images_of(gpu, number, *, classes=1):
    with gpu:
        images = torch.rand(number, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
        labels = torch.arange(number) % classes
        return TrainingData(images=images.to(CUDA), labels=labels.to(CUDA), num_classes=classes)


def settings_of(variant, **given):
    return parse_gan_settings(variant, {"batch_size": 4, "latent_size": 6, **given}, where="gan")


def waits_of(steps, *, gans=0):
    """How often a GAN of a small class, or several `gans` as one computation, wait in so many steps."""
    gpu = PretendedGpu()
    variant = VARIANTS["vanilla_gan"]
    data, settings = images_of(gpu, 22), settings_of(variant)
    with gpu:
        if gans:
            list(train_gans(variant, settings, [data] * gans, seeds=range(gans), at={steps}))
        else:
            list(train_gan(variant, settings, data, seed=1, at={steps}))
    # Each snapshot waits too; there is one whenever the number of steps has doubled.
    return [wait for wait in others_than_uploads(gpu) if "sampling" not in wait.place]


@pytest.mark.slow
@pytest.mark.parametrize("gans", [0, 2, 4])
def test_longer_trainings_wait_twice_an_interval_of_losses_whatever_the_classs_size(gans):
    # No snapshot lies between them.
    short, long = (len(waits_of(number * LOSS_INTERVAL, gans=gans)) for number in (5, 7))
    assert long - short == 2 * (7 - 5)


def test_its_numbers_are_those_of_the_cpu():
    gpu, variant = PretendedGpu(), VARIANTS["dcgan"]
    settings, there = settings_of(variant, diff_augment=True, ema_decay=0.9), images_of(PretendedGpu(), 10)

    def outcome(data):
        (last,) = train_gan(variant, settings, data, seed=1, at={5})
        return last.losses, last.snapshots[5].int()

    here = replace(there, images=there.images.on_cpu, labels=there.labels.on_cpu)
    losses, images = outcome(here)
    with gpu:
        found_losses, found_images = outcome(there)
    assert found_losses == losses
    # A bias that batch norm takes off again has no gradient but rounding, which Adam makes steps of.
    assert (found_images - images).abs().max() <= 1
    assert images.float().std() > 1


def with_term(function) -> GanVariant:
    """A GAN one of whose terms has a mistake."""
    term = Term(name="mistake", function=function)
    defaults = replace(VARIANTS["vanilla_gan"].defaults, weights={"mistake": 1.0})
    return replace(VARIANTS["vanilla_gan"], loss=CROSS_ENTROPY, discriminator_terms=(term,), defaults=defaults)


def train_with(mistake):
    gpu, variant = PretendedGpu(), with_term(mistake)
    data = images_of(gpu, 10, classes=2)
    with gpu:
        list(train_gan(variant, settings_of(variant), data, seed=1, at={3}))
    return gpu.waits_within(*STEPS)


MISTAKES_THAT_ARE_REFUSED = {
    "a tensor of the CPU": lambda step: (step.real.logits * torch.ones(len(step.labels))).mean(),
    "a vector of the CPU": lambda step: step.real_images.flatten(1).matmul(torch.zeros(64)).mean(),
    "a row of the CPU": lambda step: torch.cat([step.real.logits, torch.zeros(1)]).mean(),
    "a generator of the CPU": lambda step: torch.rand(1, generator=torch.Generator(), device=CUDA).sum(),
    "a GPU's generator": lambda step: torch.rand(
        1, generator=torch.Generator(CUDA).manual_seed(0), device="cpu"
    ).sum(),
    "targets of the CPU": lambda step: torch.nn.functional.mse_loss(step.real.logits, torch.zeros(4)),
}


@pytest.mark.parametrize("mistake", MISTAKES_THAT_ARE_REFUSED.values(), ids=MISTAKES_THAT_ARE_REFUSED)
def test_a_mistake_that_cuda_refuses_is_refused(mistake):
    with pytest.raises(DeviceMismatchError):
        train_with(mistake)


MISTAKES_THAT_WAIT = {
    "item": lambda step: step.real.logits.mean() * step.real.logits.mean().item(),
    "bool": lambda step: step.real.logits.mean() if step.labels.sum() >= 0 else step.fake.logits.mean(),
    "float": lambda step: step.real.logits.mean() * float(step.labels.sum()),
    "cpu": lambda step: step.real.logits.mean() + step.real.logits.detach().cpu().mean(),
    "tolist": lambda step: step.real.logits.mean() * sum(step.labels.tolist()),
    "numpy": lambda step: step.real.logits.mean() * step.labels.cpu().numpy().sum(),
    "mask": lambda step: step.real.logits[step.labels == 1].sum(),
    "nonzero": lambda step: step.real.logits.mean() * len(torch.nonzero(step.labels)),
    "unique": lambda step: step.real.logits.mean() * len(step.labels.unique()),
    "upload": lambda step: step.real.logits.mean() * torch.tensor(2.0, device=CUDA),
    "upload of indices": lambda step: step.real.logits[torch.tensor([0, 1])].mean(),
    "equal": lambda step: step.real.logits.mean() * torch.equal(step.labels, step.labels),
    "synchronize": lambda step: (torch.cuda.synchronize(), step.real.logits.mean())[1],
}


@pytest.mark.parametrize("mistake", MISTAKES_THAT_WAIT.values(), ids=MISTAKES_THAT_WAIT)
def test_a_mistake_that_makes_python_wait_in_a_step_is_seen_where_it_is(mistake):
    waits = train_with(mistake)
    # Three steps of the discriminator, at least one wait in each.
    assert len(waits) >= 3
    # What a mask takes out is put back when gradients are computed.
    assert "tests/contracts/test_pretended_gpu.py" in {wait.place.partition(":")[0] for wait in waits}


def test_a_read_of_every_classifiers_loss_is_seen(monkeypatch):
    loss_of = classifier_training._Stages._batch_loss

    def reading(self, *parts):
        loss = loss_of(self, *parts)
        return lambda rows, progress: (value := loss(rows, progress)) + 0 * value.item()

    monkeypatch.setattr(classifier_training._Stages, "_batch_loss", reading)
    gpu = PretendedGpu()
    trial_on(gpu)
    assert {wait.what for wait in gpu.waits_within(classifier_training._Descent.run)} == {"item"}


def test_what_draws_without_a_generator_draws_from_the_devices_own():
    """Whoever seeds the CPU's alone does not repeat a GPU's dropout."""

    def drawn(seed_gpu):
        # Not torch.manual_seed, which seeds every GPU too.
        torch.default_generator.manual_seed(1)
        if seed_gpu:
            torch.cuda.manual_seed(1)
        return torch.nn.functional.dropout(torch.ones(32, device=CUDA)).tolist()

    with PretendedGpu():
        assert drawn(True) == drawn(True) != drawn(False)
        stream = GeneratorStream(torch.Generator(CUDA).manual_seed(3))
        assert stream.uniform((2,), torch.float32).is_cuda
