"""Ways of starting Python in which a study cannot work are said in a line."""

import sys

from gan_study.study.run.interpreter import find_fault


def test_a_variable_that_breaks_linear_algebra_is_named():
    assert find_fault(sys.flags, {}) is None
    assert find_fault(sys.flags, {"TORCH_USE_RTLD_GLOBAL": ""}) is None
    assert "TORCH_USE_RTLD_GLOBAL" in find_fault(sys.flags, {"TORCH_USE_RTLD_GLOBAL": "1"})
