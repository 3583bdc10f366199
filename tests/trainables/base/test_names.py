"""Names of classes and studies as names of folders."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.base.names import folder_name


@pytest.mark.parametrize(
    ("class_name", "folder"),
    [
        ("lynx", "lynx"),
        ("Viral Pneumonia", "Viral Pneumonia"),
        ("Schneehühner", "Schneehühner"),
        ("T-shirt/top", "T-shirt%2Ftop"),
        ("..", "%2E%2E"),
        ("../../etc", "%2E.%2F..%2Fetc"),
        (".hidden", "%2Ehidden"),
        ("100%", "100%25"),
        ("C:\\temp", "C%3A%5Ctemp"),
        ("dot.", "dot%2E"),
        ("", "%"),
    ],
)
def test_a_folder_is_named_for_its_class(class_name, folder):
    assert folder_name(class_name) == folder


awkward = st.text(st.sampled_from("./\\%: \x00") | st.sampled_from(string.ascii_letters), max_size=8)


@given(awkward, awkward)
def test_no_class_leaves_its_place_or_takes_that_of_another(first, second):
    name = folder_name(first)
    assert name
    assert not set(name) & set('/\\:\x00"')
    assert not name.startswith(".")
    assert (name == folder_name(second)) == (first == second)
