"""What was kept is found again as it was, or not at all."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
import torch

from gan_study.trainables.runtime.cache import (
    FolderStore,
    State,
    arithmetic,
    contents,
    made_once,
    read_state,
    write_state,
)
from gan_study.trainables.runtime.environment import Library, library, use

STATE: State = {"weights": {"0.bias": torch.randn(50, 3)}, "losses": [(1.5, None), (0.1, 2)]}


def same(one: State | None, other: State) -> bool:
    return (
        one is not None
        and one["losses"] == other["losses"]
        and torch.equal(one["weights"]["0.bias"], other["weights"]["0.bias"])
    )


def test_a_state_is_found_as_it_was_kept(tmp_path: Path) -> None:
    FolderStore(tmp_path)["name"] = STATE
    assert same(FolderStore(tmp_path).get("name"), STATE)
    assert FolderStore(tmp_path).get("other") is None


def test_a_state_keeps_its_memory_format(tmp_path: Path) -> None:
    """Or else a classifier that was read would sum in another order than the one that was trained."""
    FolderStore(tmp_path)["name"] = {"w": torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last)}
    found = FolderStore(tmp_path).get("name")
    assert found is not None and found["w"].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("damage", ["cut short", "a byte changed", "zeros", "foreign", "empty"])
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.pt"
    write_state(path, STATE)
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(50):
        at = draw.randrange(len(whole))
        path.write_bytes(
            {
                "cut short": whole[:at],
                "a byte changed": whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :],
                "zeros": bytes(at),
                "foreign": draw.randbytes(at),
                "empty": b"",
            }[damage]
        )
        assert read_state(path) is None
    path.write_bytes(whole)
    assert same(read_state(path), STATE)


def test_a_state_of_another_name_or_folder_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    place = tmp_path / "training"
    write_state(place / "0000002.pt", STATE)
    for other in (place / "0000003.pt", tmp_path / "another" / "0000002.pt"):
        other.parent.mkdir(exist_ok=True)
        other.write_bytes((place / "0000002.pt").read_bytes())
        assert read_state(other) is None
    # A training that moves with its folder stays what it is.
    place.rename(tmp_path / "another" / "training")
    assert same(read_state(tmp_path / "another" / "training" / "0000002.pt"), STATE)


def test_a_file_that_holds_code_is_not_run(tmp_path: Path) -> None:
    """Nobody but this project writes here; should somebody, nothing of his is called."""
    path = tmp_path / "state.pt"
    write_state(path, {"code": print})
    with pytest.raises(Exception, match="Weights only load failed"):
        read_state(path)


def test_what_is_made_at_once_by_many_is_whole(tmp_path: Path) -> None:
    def once(number: int) -> bool:
        return same(made_once(FolderStore(tmp_path), {"n": number % 3}, lambda: STATE), STATE)

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(once, range(60)))
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_there_is_not_made() -> None:
    store: dict[str, State] = {}
    made: list[int] = []

    def make() -> State:
        made.append(1)
        return STATE

    assert made_once(store, {"a": 1, "b": 2}, make) is made_once(store, {"b": 2, "a": 1}, make)
    made_once(store, {"a": 1, "b": 3}, make)
    assert len(made) == 2


def test_contents_tell_values_shapes_and_types_apart() -> None:
    zeros = torch.zeros(4, 2)
    others = [zeros.T, zeros.int(), zeros + 1e-30, zeros[:3], zeros.flatten()]
    names = [contents(zeros), *map(contents, others), contents(zeros, zeros), contents()]
    assert len(set(names)) == len(names)
    assert contents(torch.arange(6).view(2, 3).T) == contents(torch.arange(6).view(2, 3).T.contiguous())


def test_the_number_of_threads_is_part_of_the_arithmetic() -> None:
    """A sum that is shared among threads is added up in another order."""
    cpu, threads = torch.device("cpu"), torch.get_num_threads()
    before = arithmetic(cpu)
    try:
        torch.set_num_threads(threads + 1)
        assert arithmetic(cpu) != before
    finally:
        torch.set_num_threads(threads)


def test_the_library_of_matrix_products_is_part_of_the_arithmetic() -> None:
    cpu, before = torch.device("cpu"), library()
    try:
        found = []
        for name in get_args(Library):
            use(name)
            found.append(arithmetic(cpu))
        assert found[0] != found[1]
    finally:
        use(before)
