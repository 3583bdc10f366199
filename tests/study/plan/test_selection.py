"""What the search chose comes back from its file as it was, and a damaged file is named."""

import json

import pytest

from gan_study.study.plan.selection import ClosedSearch, SelectedConfig, read_selection, write_selection
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.seal import sealed
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.records.record import Selection

CHOSEN = SelectedConfig(
    balancer="wgan_gp",
    ratio=10.0,
    balancing=parse_balancing(
        {"name": "wgan_gp", "gan": {"generator_steps": 7, "weights": {"gradient_penalty": 3}}}
    ),
    selection=Selection(search_trials=4, trial_id="0123456789ab", validation_objective=0.25),
)

CLOSED = ClosedSearch(configurations=(CHOSEN,), fits=3)


def test_a_selection_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "selection.json"
    assert read_selection(path) is None
    write_selection(path, CLOSED)
    assert read_selection(path) == CLOSED
    (written,) = json.loads(path.read_text())["configurations"]
    assert written["balancing"] == CHOSEN.balancing.dump()


@pytest.mark.parametrize(
    ("balancing", "reason"),
    [
        ({"name": "wgan_pg"}, "did you mean 'wgan_gp'"),
        ({"name": "wgan_gp", "gan": {"generator_steps": 0}}, "balancing.gan.generator_steps: 0"),
        ([3], "balancing: [3] is not a mapping of settings"),
    ],
)
def test_a_balancer_that_cannot_be_is_damage(tmp_path, balancing, reason):
    path = tmp_path / "selection.json"
    write_selection(path, CLOSED)
    content = json.loads(path.read_text())
    content["configurations"][0]["balancing"] = balancing
    path.write_text(json.dumps(sealed(content)))
    with pytest.raises(ConfigError) as error:
        read_selection(path)
    assert str(error.value).startswith(f"{path} is damaged: ") and reason in str(error.value)


def test_an_unknown_key_is_damage(tmp_path):
    path = tmp_path / "selection.json"
    path.write_text('{"configuration": []}')
    with pytest.raises(ConfigError, match="did you mean 'configurations'"):
        read_selection(path)
