"""What a terminal cannot show decides nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.study.watch.terminal import Output, duration, tolerant_output


def shown(text: str, encoding: str) -> bytes:
    """What a process prints to a terminal of an encoding."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as received, os.fdopen(writing, "w", encoding=encoding) as terminal:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            with tolerant_output():
                print(text, end="")
            assert sys.stdout is terminal
        terminal.close()
        return received.read()


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [("−0.019 ± 0.1 – é…", rb"-0.019 +/- 0.1 - \xe9..."), ("Müll \udcff 猫", rb"M\xfcll \udcff \u732b")],
)
def test_characters_of_another_encoding_stay_legible(text: str, ascii_text: bytes) -> None:
    assert shown(text, "ascii") == ascii_text


@given(
    text=st.text(st.characters(), max_size=50), encoding=st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8"])
)
def test_every_text_can_be_shown_and_what_an_encoding_has_stays(text: str, encoding: str) -> None:
    found = shown(text, encoding)
    try:
        assert found == text.encode(encoding)
    except UnicodeEncodeError:
        found.decode(encoding)


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_what_cannot_be_written_is_lost_and_said(kind: str) -> None:
    if kind == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, descriptor = os.pipe()
        os.close(reading)
    output = Output(descriptor)
    assert output.write(b"a line\n") == 7
    assert output.write(b"another\n") == 8
    assert output.failure is not None
    assert output.failure.errno == (errno.ENOSPC if kind == "full" else errno.EPIPE)
    os.close(descriptor)


def test_a_reader_that_is_slow_gets_everything(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    code = "import sys, time; time.sleep(0.3); sys.stdout.write(str(len(sys.stdin.buffer.read())))"
    with subprocess.Popen([sys.executable, "-c", code], stdin=reading, stdout=subprocess.PIPE) as reader:
        os.close(reading)
        output = Output(writing)
        left = 300_000
        while left:
            left -= output.write(b"x" * left)
        os.close(writing)
        assert reader.stdout is not None
        assert reader.stdout.read() == b"300000"
    assert output.failure is None


def test_durations_are_said_as_a_person_says_them() -> None:
    assert [duration(seconds) for seconds in (None, 45, 200, 7500)] == ["?", "45 s", "3 min 20 s", "2 h 05 min"]
