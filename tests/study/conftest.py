import sys

import pytest

from gan_study.study.cli import main


@pytest.fixture
def gan_study(monkeypatch, capsys):
    """Run the command in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        output = capsys.readouterr()
        return exit_.value.code or 0, output.out, output.err

    return run
