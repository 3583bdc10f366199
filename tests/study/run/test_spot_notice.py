"""AWS's notice that a spot machine is taken away, from a metadata service that is made up."""

import datetime
import subprocess
import sys

import pytest

from gan_study.study.run import spot_notice
from gan_study.study.run.spot_notice import EVERY_SECONDS, NoServiceError, end_of_machine, watch
from tests.metadata_service import metadata_service


def test_the_notice_is_passed_on_with_the_seconds_that_are_left():
    drained, slept = [], []
    # None at first, then a service that has too much to do.
    with metadata_service(404, 404, 503, 119.5) as service:
        watch(drained.append, service=service, sleep=slept.append)
    assert slept == [EVERY_SECONDS] * 3
    [left] = drained
    assert 110 <= left <= 119


def test_a_machine_whose_time_is_up_is_drained_all_the_same():
    drained = []
    with metadata_service(-30.0) as service:
        watch(drained.append, service=service)
    assert drained == [1]


def test_where_nobody_is_taken_away_nothing_is_said():
    with metadata_service(404) as service:
        assert end_of_machine(service) is None


def test_a_proxy_is_not_asked_for_the_machines_own_service(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with metadata_service(404) as service:
        assert end_of_machine(service) is None


def test_away_from_aws_it_ends_with_a_line(monkeypatch, capsys):
    with metadata_service(404) as service:
        pass
    with pytest.raises(NoServiceError, match=f"^no metadata service answers at {service}: "):
        end_of_machine(service)
    monkeypatch.setattr(spot_notice, "watch", lambda drain: end_of_machine(service))
    assert spot_notice.main() == 1
    assert capsys.readouterr().err.startswith("spot_notice: no metadata service answers")


def test_a_service_that_is_away_for_a_while_is_asked_again(monkeypatch):
    ends = iter([None, NoServiceError("away"), datetime.datetime.now(datetime.UTC)])

    def end(service):
        found = next(ends)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(spot_notice, "end_of_machine", end)
    drained = []
    watch(drained.append, sleep=lambda seconds: None)
    assert drained == [1]


def test_it_waits_without_ray_or_torch():
    said = (
        "import sys, gan_study.study.run.spot_notice; print(sorted({'ray', 'torch', 'pandas'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
