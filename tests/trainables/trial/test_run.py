"""The whole pipeline of one trial on scikit-learn's digits."""

from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, recall_score

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.records.record import GanLength, GeneratedImages, Milestone, Selection
from gan_study.trainables.trial import run
from gan_study.trainables.trial.config import dump_trial, parse_trial
from gan_study.trainables.trial.data import prepare, ratio_notes
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial
from tests.outcomes import content, view
from tests.torch_states import TORCH_STATES
from tests.trainables.trial.digits_trial import GAN, MEASURING, SEARCH, config, outcome

pytestmark = pytest.mark.usefixtures("few_domain_steps")


def prepared(**changes):
    trial = config(**changes)
    return prepare(trial, image_source(trial.data))


@pytest.mark.parametrize("mode", TORCH_STATES)
def test_a_callers_torch_state_changes_nothing(mode):
    """A generator runs in the caller's mode whenever it is asked for more."""
    trial = config(balancing=GAN)
    expected = outcome(trial)
    with TORCH_STATES[mode]():
        found = outcome(trial)
    assert found.record.scores == expected.record.scores


def test_the_pool_is_thinned_before_validation_is_carved():
    parts = prepared()
    largest = max(parts.available)
    assert parts.imbalanced[3] == parts.imbalanced[8] == round(largest / 10)
    assert [n for c, n in enumerate(parts.imbalanced) if c not in (3, 8)] == [
        n for c, n in enumerate(parts.available) if c not in (3, 8)
    ]
    training, validation = parts.training.class_counts(), parts.validation.class_counts()
    assert tuple(map(sum, zip(training, validation, strict=True))) == parts.imbalanced
    assert validation[3] == round(0.2 * parts.imbalanced[3])
    assert set(parts.training.origins).isdisjoint(parts.validation.origins)


def test_stored_predictions_give_the_scores_back():
    result = outcome(config(evaluation={"test": True}), Purpose(phase="confirm"))
    labels, predicted = result.arrays["test/labels"], result.arrays["test/probabilities"][0].argmax(axis=1)
    scores = result.record.scores["test"]
    recall = recall_score(labels, predicted, average=None)
    assert result.arrays["test/recall"][0] == pytest.approx(recall)
    assert scores["minority_recall"] == pytest.approx(recall[[3, 8]].mean())
    assert scores["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_a_class_without_images_is_refused_by_its_name():
    """As a damaged published set may have; the imbalance ratio was divided by 0."""
    trial = config()
    source = image_source(trial.data)
    pool = source.pool()
    without = replace(pool, images=pool.images.subset(np.flatnonzero(pool.images.labels != 4)))
    empty = SimpleNamespace(pool=lambda: without, test_class_counts=source.test_class_counts)
    with pytest.raises(DataError, match="class '4' has no image to train on"):
        prepare(trial, empty)


def test_validation_scores_speak_of_the_test_parts_proportions():
    result = outcome(config(evaluation={"test": True}), Purpose(phase="confirm"))
    labels = result.arrays["validation/labels"]
    predicted = result.arrays["validation/probabilities"][0].argmax(axis=1)
    test = result.arrays["counts/test"]
    weights = ((test / test.sum()) / (np.bincount(labels) / len(labels)))[labels]
    expected = f1_score(labels, predicted, average=None, sample_weight=weights)
    assert result.arrays["validation/f1"][0] == pytest.approx(expected)


def test_only_a_confirmation_has_test_scores():
    result = outcome(config())
    assert set(result.record.scores) == {"validation"}
    assert not [name for name in result.arrays if "test" in name]


def test_testing_each_epoch_tells_of_them_and_changes_nothing_else():
    three = {"epochs": 3}
    plain = outcome(config(evaluation={"test": True}, classifier=three), Purpose(phase="confirm"))
    each = {"test": True, "test_each_epoch": True}
    tracked = outcome(config(evaluation=each, classifier=three), Purpose(phase="confirm"))
    assert view(plain).test_epochs == ()
    first, _, last = view(tracked).test_epochs
    assert last == tracked.record.scores["test"] != first
    assert tracked.record.scores == plain.record.scores
    assert np.array_equal(tracked.arrays["test/probabilities"], plain.arrays["test/probabilities"])
    assert tracked.record.setting_id == plain.record.setting_id


def test_scores_are_means_over_the_fits_and_their_spread_is_told():
    result = outcome(config(evaluation={"fits": 3}), Purpose(phase="confirm", metric="accuracy", baseline=0.5))
    record, names = result.record, result.arrays["scores/metrics"].tolist()
    accuracy = result.arrays["validation/overall"][:, names.index("accuracy")]
    assert len(set(accuracy)) > 1
    assert record.scores["validation"]["accuracy"] == pytest.approx(accuracy.mean())
    assert record.objective == pytest.approx(accuracy.mean() - 0.5)
    assert record.fit_spread == pytest.approx(np.sqrt(((accuracy - accuracy.mean()) ** 2).sum() / 2))
    assert (record.num_fits, outcome(config()).record.fit_spread) == (3, None)
    assert 0 < result.arrays["classifier/seconds"].sum() <= record.seconds["classifier"]


def test_fits_name_the_trial_and_leave_it_a_pair():
    one, three = config(), config(evaluation={"fits": 3})
    assert one.trial_id != three.trial_id and one.setting_id == three.setting_id
    with pytest.raises(ConfigError, match=r"evaluation\.fits"):
        config(evaluation={"fits": 0})


@pytest.mark.slow
def test_only_the_last_set_has_several_fits_and_the_first_of_them_its_epochs_tested(monkeypatch):
    seeds, fit = [], run.fit
    monkeypatch.setattr(run, "fit", lambda *args, **named: (seeds.append(named["seed"]), fit(*args, **named))[1])
    evaluation = {"test": True, "test_each_epoch": True, "fits": 2}
    gan = {"name": "vanilla_gan", "gan": {"generator_steps": 4, "milestones": [2]}}
    trial = config(balancing=gan, evaluation=evaluation, classifier={"epochs": 2})
    *_, last = run_trial(trial, SEARCH, device=torch.device("cpu"), store=MEASURING)
    first, second = derive_seed(1, "classifier"), derive_seed(1, "classifier", 1)
    # One fit at the milestone, two at the end.
    assert seeds == [first, first, second]
    of_first = dict(zip(last.arrays["scores/metrics"].tolist(), last.arrays["test/overall"][0], strict=True))
    *_, last_epoch = view(last).test_epochs
    assert last_epoch == of_first


def test_the_losses_of_every_fit_are_kept():
    result = outcome(config(evaluation={"fits": 2}, classifier={"epochs": 4}))
    training, validation = (result.arrays[f"classifier/{part}_loss"] for part in ("training", "validation"))
    assert training.shape == validation.shape == (2, 4)
    assert (training[:, -1] < training[:, 0]).all() and (training[0] != training[1]).all()
    assert np.isfinite(validation[:, [1, 3]]).all() and np.isnan(validation[:, [0, 2]]).all()


def test_a_method_that_makes_its_head_anew_has_no_epochs_to_test():
    each = {"test": True, "test_each_epoch": True}
    trial = config(evaluation=each, balancing={"name": "crt"})
    assert view(outcome(trial, Purpose(phase="confirm"))).test_epochs == ()


def test_objective_is_the_gain_over_the_baseline():
    record = outcome(config()).record
    assert record.objective == pytest.approx(record.scores["validation"]["minority_f1"] - 0.25)


@pytest.mark.parametrize("balancing", [{"name": "none"}, GAN], ids=lambda b: b["name"])
def test_the_same_seed_gives_the_same_record(balancing):
    trial = config(balancing=balancing)
    first = outcome(trial)
    torch.manual_seed(12345)
    again = outcome(trial)
    assert again.record.outcome() == first.record.outcome()
    assert content(again) == content(first)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]}},
        {"imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3"]}},
        {"classifier": {"epochs": 2}},
        {"classifier": {"epochs": 1, "learning_rate": 0.002}},
        {"classifier": {"epochs": 1, "batch_size": 32}},
        {"classifier": {"epochs": 1, "budget": "epochs"}, "balancing": {"name": "random_oversampling"}},
        {"balancing": {**GAN, "balance_to": 0.5}},
        {"balancing": {"name": "vanilla_gan", "gan": {"generator_steps": 5}}},
        {"balancing": {"name": "vanilla_gan", "gan": {"generator_steps": 4, "learning_rate": 0.001}}},
        {"balancing": {**GAN, "dose": 0.5}},
        {"balancing": {**GAN, "plan": "crt"}},
        {"balancing": {**GAN, "synthetic_weight": 0.3}},
        {"balancing": {**GAN, "filter": "apply"}},
        {"data": {"name": "digits", "image_size": 32}},
        {"data": {"name": "digits", "validation_fraction": 0.3}},
        {"data": {"name": "digits", "train_size": 600}},
    ],
    ids=str,
)
def test_every_setting_changes_the_name_and_the_result(change):
    base = {"balancing": GAN} if "gan" in str(change) else {}
    if "budget" in str(change):
        base = {"balancing": {"name": "random_oversampling"}}
    before, after = config(**base), config(**{**base, **change})
    assert after.trial_id != before.trial_id
    first, second = (outcome(trial).arrays["validation/probabilities"] for trial in (before, after))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_where_the_files_lie_does_not_name_the_trial():
    here, there = (config(data={"name": "digits", "root": root}) for root in ("/here", "/there"))
    assert here.trial_id == there.trial_id


def test_trials_that_differ_in_balancing_alone_are_a_pair():
    none, weights = config(), config(balancing={"name": "class_weights"}, evaluation={"test": True})
    assert none.setting_id == weights.setting_id
    assert none.trial_id != weights.trial_id
    assert config(seed=2).setting_id != none.setting_id


def test_a_milestone_is_what_a_shorter_training_would_have_given():
    long = config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": 6, "milestones": [3]}})
    short = config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": 3}})
    milestone, _ = run_trial(long, SEARCH, device=torch.device("cpu"))
    assert milestone == Milestone(generator_steps=3, objective=outcome(short).record.objective)


def test_a_milestone_does_not_change_the_end():
    through = config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": 6}})
    paused = config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": 6, "milestones": [2, 4]}})
    assert outcome(paused).record.scores == outcome(through).record.scores


def test_synthetic_images_are_counted_and_shown():
    result = outcome(config(balancing=GAN))
    trial = view(result)
    counts = trial.class_counts
    assert counts.balanced[3] == counts.balanced[8] == max(counts.training)
    assert counts.synthetic[3] == max(counts.training) - counts.training[3]
    assert sum(counts.synthetic) == counts.synthetic[3] + counts.synthetic[8]
    for label in (3, 8):
        shown = trial.samples[str(label)]
        assert shown.real.shape == (min(10, counts.training[label]), 1, 16, 16)
        assert shown.synthetic.shape == (min(10, counts.synthetic[label]), 1, 16, 16)
    assert set(trial.losses) == {"3", "8"}
    assert trial.losses["3"].steps.tolist() == [4]
    assert len(trial.losses["3"].generator) == len(trial.losses["3"].discriminator) == 1
    assert trial.gan_lengths == {"3": 4, "8": 4}
    record = result.record
    assert record.generated == GeneratedImages(
        balance_to=1.0,
        dose=1.0,
        share_reached=1.0,
        num_made=sum(counts.synthetic),
        num_passed=sum(counts.synthetic),
    )
    assert record.gan == GanLength(generator_steps=4, reason="fixed", still_improving=None)
    assert record.memorisation is None


def test_a_filter_is_measured_where_images_are_and_applied_where_it_is_asked_for():
    measured = outcome(config(balancing=GAN, evaluation={"test": True}), Purpose(phase="confirm"))
    applied = outcome(config(balancing={**GAN, "filter": "apply"}))
    assert measured.record.generated.filter == "measure"
    assert applied.record.generated.filter == "apply"
    assert measured.record.generated.num_passed == measured.record.generated.num_made
    for result in (measured, applied):
        generated, arrays = result.record.generated, result.arrays
        assert arrays["filter/reasons"].tolist() == ["another class", "copy", "outlier"]
        assert arrays["counts/made"].sum() == generated.num_made
        by_reason = arrays["filter/rejected"].sum(axis=0)
        # Four steps of a GAN make noise.
        assert 0 < by_reason.max() <= generated.num_rejected <= by_reason.sum()
    generated = applied.record.generated
    assert generated.num_made == generated.num_passed + generated.num_rejected


def test_a_plan_that_moves_predictions_needs_log_probabilities():
    support_vectors = {"classifier": {"name": "vgg_svm"}}
    assert config(**support_vectors, balancing={**GAN, "plan": "balanced_softmax"})
    with pytest.raises(ConfigError, match=r"balancing.plan: 'threshold_moving' cannot be used with classifier"):
        config(**support_vectors, balancing={**GAN, "plan": "threshold_moving"})


def test_how_the_images_grew_is_shown_at_steps_that_no_length_decides():
    short, longer = (
        view(outcome(config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": steps}}))).snapshots
        for steps in (33, 40)
    )
    assert list(short) == ["3", "8"]
    for name, shown in short.items():
        assert shown.training.shape == (4, 1, 16, 16)
        assert list(shown.generated) == [16, 32, 33]
        assert np.array_equal(longer[name].training, shown.training)
        for step in (16, 32):
            assert np.array_equal(longer[name].generated[step], shown.generated[step])
        assert all((first != second).any() for first, second in combinations(shown.generated.values(), 2))


def test_a_record_says_the_precision_of_its_gan():
    rounded = config(balancing={**GAN, "gan": {**GAN["gan"], "precision": "bf16"}})
    found = outcome(rounded), outcome(config(balancing=GAN)), outcome(config())
    assert [each.record.environment.get("gan_precision") for each in found] == ["bf16", "float32", None]
    assert {each.record.environment["classifier_precision"] for each in found} == {"float32"}


def test_a_record_says_the_precision_of_its_classifier_and_its_name_does_too():
    unset = config()
    rounded = config(classifier={"precision": "bf16"})
    assert outcome(rounded).record.environment["classifier_precision"] == "bf16"
    assert dump_trial(unset)["classifier"].keys() == dump_trial(rounded)["classifier"].keys() - {"precision"}
    assert len({each.setting_id for each in (unset, rounded)}) == 2
    assert len({each.trial_id for each in (unset, rounded)}) == 2


def test_the_time_of_each_gan_is_told_and_no_part_of_the_outcome():
    trial = view(outcome(config(balancing=GAN)))
    assert set(trial.gan_seconds) == {"3", "8"}
    assert 0 < sum(trial.gan_seconds.values()) <= trial.seconds["balancing"]
    assert view(outcome(config())).gan_seconds == {}


def test_a_confirmation_leaves_pairs_of_images_and_points_of_a_map():
    result = outcome(config(balancing=GAN, evaluation={"test": True}), Purpose(phase="confirm"))
    trial = view(result)
    assert list(trial.pairs) == list(trial.quality) == ["3", "8"]
    for pairs in trial.pairs.values():
        assert pairs.generated.shape == pairs.training.shape == (len(pairs.ratio), 1, 16, 16)
        assert (np.diff(pairs.ratio) >= 0).all()
    assert {quality.features for quality in trial.quality.values()} == {"domain"}
    points = trial.map_points
    assert len(points.features) == len(points.labels) == len(points.synthetic)
    assert set(points.labels.tolist()) == {3, 8}
    training = trial.class_counts.training
    assert (~points.synthetic).sum() <= training[3] + training[8]
    copied = [quality.metrics["copied_share"] for quality in trial.quality.values()]
    assert result.record.memorisation.largest_copied_share == max(copied)
    assert result.record.arrays == f"artifacts/{result.record.trial_id}.npz"
    without = outcome(config(evaluation={"test": True}), Purpose(phase="confirm"))
    rooms = {name.partition("/")[0] for name in without.arrays}
    assert rooms == {"classes", "classifier", "counts", "scores", "validation", "test"}


def test_images_are_measured_in_the_first_round_of_seeds_alone():
    trial = config(balancing=GAN, evaluation={"test": True})
    by_round = {
        number: outcome(trial, Purpose(phase="confirm", selection=Selection(search_trials=0, round=number)))
        for number in (1, 2)
    }
    measured = {number: "quality/values" in found.arrays for number, found in by_round.items()}
    assert measured == {1: True, 2: False}
    assert by_round[1].record.scores == by_round[2].record.scores


def test_a_ratio_that_the_data_cannot_give_is_noted():
    assert prepared().notes == ()
    uneven = {"profile": "counts", "counts": {"3": 40}}
    assert prepared(imbalance=uneven).notes == ()
    assert ratio_notes(10, (100, 10)) == ratio_notes(10, (100, 100, 10)) == ()
    assert ratio_notes(1, (111, 70)) == (
        "imbalance ratio 1 was requested; the largest class has 1.59 times the smallest",
    )


def test_a_dump_parses_to_the_same_trial():
    trial = config(balancing=GAN)
    assert parse_trial(dump_trial(trial)) == trial
    assert parse_trial(dump_trial(replace(trial, seed=9))).seed == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 1}, "sed: unknown key; did you mean 'seed'?"),
        ({"balancing": {"name": "vanila_gan"}}, "did you mean 'vanilla_gan'?"),
        (
            {"balancing": {"name": "vanilla_gan", "gan": {"epoch": 1}}},
            "balancing.gan.epoch: unknown key; did you mean",
        ),
        ({"balancing": {"name": "vanilla_gan", "gan": {"weights": {"gradient_penalty": 1}}}}, "gradient_penalty"),
        ({"classifier": {"name": "simple_cn"}}, "did you mean 'simple_cnn'?"),
        ({"imbalance": {"profile": "step", "ratio": 0.5}}, "imbalance.ratio: 0.5 cannot be used"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(change, message):
    with pytest.raises(ConfigError) as error:
        config(**change)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_was_kept_of_trainings_changes_no_record(tmp_path):
    """Neither of a longer trial, which goes on from a shorter one's end, nor of a shorter or a repeated one."""

    def numbers(steps, **options):
        trial = config(balancing={"name": "vanilla_gan", "gan": {"generator_steps": steps}})
        *_, last = run_trial(trial, SEARCH, device=torch.device("cpu"), **options)
        return last.record.outcome(), content(last)

    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({2, 4}))
    for steps in (2, 4, 2):
        assert numbers(steps, checkpoints=kept) == numbers(steps)
    # Two rare classes, each with a GAN of its own.
    assert len(list(tmp_path.rglob("*.pt"))) == 2 * len(config().imbalance.minority_classes)


def second_class_found(labels, probabilities, weights):
    return float((probabilities[labels == 1].argmax(axis=1) == 1).mean())


def test_the_studys_own_objective_and_costs_are_scored_and_change_no_id():
    own = f"{__name__}:second_class_found"
    purpose = Purpose(phase="baseline", metric=own, costs={"0": {"1": 5.0}}, baseline=0.0)
    plain, added = outcome(config()).record, outcome(config(), purpose).record
    assert added.trial_id == plain.trial_id and added.setting_id == plain.setting_id
    scores = added.scores["validation"]
    assert set(scores) - set(plain.scores["validation"]) == {own, "expected_cost"}
    assert {name: scores[name] for name in plain.scores["validation"]} == plain.scores["validation"]
    assert scores["expected_cost"] >= 1 - scores["accuracy"]
    assert added.objective == scores[own]


def test_a_smaller_calibration_error_is_a_gain():
    record = outcome(config(), Purpose(phase="search", metric="ece", baseline=0.9)).record
    assert record.objective == pytest.approx(0.9 - record.scores["validation"]["ece"])
