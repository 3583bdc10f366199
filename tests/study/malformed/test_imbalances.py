"""Any ratio, fraction and counts; and those that are sound are accepted."""

import json
import shutil
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.data.imbalance import Imbalance
from tests.study.malformed.inputs import answer, assert_civil, scalars, tried

ratios = st.one_of(st.floats(0, 200), st.integers(-2, 10**30), scalars)
counts = st.one_of(
    st.lists(st.integers(-1, 200), min_size=9, max_size=11),
    st.dictionaries(st.sampled_from("0123456789"), st.integers(-1, 10**20)),
)
# The settings of each profile, of which the last one is none.
PROFILES = {
    "step": {"ratio": ratios},
    "long_tailed": {"ratio": ratios},
    "fraction": {"fraction": st.one_of(st.floats(-0.5, 1.5), scalars)},
    "counts": {"counts": counts},
    "natural": {},
    "as_is": {"ratio": ratios, "counts": counts},
}
imbalances = st.one_of(
    st.fixed_dictionaries(
        {"profile": st.just(profile), **settings_of_it},
        optional={"minority_classes": st.lists(st.sampled_from(["3", "8", 3, "ten", ""]), max_size=4)},
    )
    for profile, settings_of_it in PROFILES.items()
)


def test_every_profile_is_among_those_tried():
    kinds = get_args(get_args(Imbalance)[0])
    assert len(kinds) > 1
    assert {kind.profile for kind in kinds} == PROFILES.keys() - {"as_is"}


@tried("imbalances")
@given(
    imbalance=imbalances,
    budget=st.one_of(st.none(), st.text(alphabet="0123456789.smhd -", max_size=6)),
)
def test_any_ratio_fraction_and_counts(tmp_path_factory, imbalance, budget):
    given_budget = [] if budget is None else [f"--time-budget={budget}"]
    assert_civil(answer_to_imbalance(tmp_path_factory, imbalance, *given_budget))


def answer_to_imbalance(tmp_path_factory, imbalance, *options):
    folder = tmp_path_factory.getbasetemp() / "of-ratios"
    assignments = [f"--set=imbalance={json.dumps(imbalance)}", "--set=search.space=gan_variants"]
    found = answer("run", "quickstart", *assignments, *options, f"--out={folder}")
    assert not (folder / "study.json").exists()
    shutil.rmtree(folder, ignore_errors=True)
    return found


some_digits = st.lists(st.sampled_from("0123456789"), min_size=1, max_size=4, unique=True)


@tried("sound imbalances")
@given(
    imbalance=st.one_of(
        st.fixed_dictionaries(
            {"profile": st.just("step"), "ratio": st.floats(1.5, 10)},
            optional={"minority_classes": some_digits},
        ),
        st.fixed_dictionaries({"profile": st.just("long_tailed"), "ratio": st.floats(1.5, 10)}),
        st.fixed_dictionaries(
            {"profile": st.just("fraction"), "fraction": st.floats(0.2, 0.8)},
            optional={"minority_classes": some_digits},
        ),
        st.fixed_dictionaries(
            {
                "profile": st.just("counts"),
                "counts": st.dictionaries(st.sampled_from("0123456789"), st.integers(20, 100), min_size=1),
            }
        ),
        st.just({"profile": "natural"}),
    )
)
def test_a_sound_imbalance_is_accepted(tmp_path_factory, imbalance):
    assert answer_to_imbalance(tmp_path_factory, imbalance) == (0, "")


def test_the_largest_class_is_not_rare(tmp_path_factory):
    code, said = answer_to_imbalance(
        tmp_path_factory, {"profile": "long_tailed", "ratio": 5, "minority_classes": ["0"]}
    )
    assert code == 2 and "no image would be made" in said
