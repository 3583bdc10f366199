"""A pretrained network in a trial: scored beside it, as its classifier, and as what measures images."""

import pytest

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.records.limits import MOST_RECORD_BYTES
from gan_study.trainables.trial.purpose import Purpose
from tests.outcomes import view
from tests.trainables.classifiers.tiny_weights import MODEL, write_weights
from tests.trainables.trial.digits_trial import GAN, config, outcome

pytestmark = pytest.mark.usefixtures("few_domain_steps")


@pytest.fixture(scope="module")
def tiny_network(tmp_path_factory):
    weights = write_weights(tmp_path_factory.mktemp("weights") / "tiny.pth")
    return {"model": MODEL, "weights": weights, "image_size": 32}


@pytest.mark.slow
def test_a_frozen_network_is_scored_beside_and_changes_nothing_else(tiny_network):
    plain = outcome(config(evaluation={"test": True}), Purpose(phase="confirm"))
    beside = config(evaluation={"test": True, "frozen_baseline": tiny_network})
    record = outcome(beside, Purpose(phase="confirm")).record
    assert plain.record.frozen_baseline == {}
    assert record.frozen_baseline.keys() == record.scores["test"].keys()
    assert record.frozen_baseline["accuracy"] != record.scores["test"]["accuracy"] > 0.1
    assert record.scores == plain.record.scores
    assert record.setting_id == plain.record.setting_id
    with pytest.raises(ConfigError, match="frozen_baseline: the test set may not be read"):
        config(evaluation={"frozen_baseline": tiny_network})


@pytest.mark.slow
def test_a_frozen_network_classifies_and_judges_generated_images(tiny_network):
    trial = config(
        evaluation={"test": True, "image_features": {"kind": "backbone", **tiny_network}},
        classifier={"name": "backbone", "backbone": tiny_network, "epochs": 10},
        balancing=GAN,
    )
    last = outcome(trial, Purpose(phase="confirm"))
    assert last.record.classifier == "backbone"
    assert last.record.scores["test"]["accuracy"] > 0.3
    measured = view(last).quality
    assert {each.features for each in measured.values()} == {"backbone"}
    for each in measured.values():
        assert each.metrics["kid"] is not None and each.metrics.get("inception_score") is None
    assert len(last.record.to_line()) <= MOST_RECORD_BYTES
