"""No module is ever loaded under two names."""

import json
import subprocess
import sys

import pytest

from tests.distributions import FOLDERS, ROOT


def python(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("code", ["import {0}", "import {0}.anything", "from {0} import anything"])
def test_a_folder_imported_by_its_own_name_says_what_to_import(name, code):
    done = python(code.format(name), ROOT)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {name!r} is a part of gan_study")
    assert last.endswith(f"import gan_study.{name}")


def test_with_everything_loaded_each_file_is_one_module_and_no_folder_has_a_name_of_its_own():
    code = """
import collections, json, os, pkgutil, sys
import gan_study
for module in pkgutil.walk_packages(gan_study.__path__, "gan_study."):
    __import__(module.name)
files = collections.defaultdict(list)
for name, module in list(sys.modules.items()):
    path = os.path.realpath(getattr(module, "__file__", None) or os.devnull)
    inside = not os.path.relpath(path).startswith(("..", ".venv"))
    if inside and os.path.exists(path):
        files[os.path.relpath(path)].append(name)
print(json.dumps(files))
"""
    done = python(code, ROOT)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout.splitlines()[-1])
    assert [names for names in files.values() if len(names) > 1] == []
    assert len(files) > 200
    assert {name.partition(".")[0] for [name] in files.values()} == {"gan_study"}
