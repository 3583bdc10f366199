"""What is not the public interface of another library: used in the guarded files alone, and still there."""

import ast
import contextlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from ray.tune.experiment import Trial

from tests.test_architecture import ROOT, modules

# Guarded file -> what it uses, and what for.
INTERNALS = {
    "study/run/ray_internals.py": {
        "ray._private.ray_constants.ENABLE_RAY_CLUSTER": "sets to keep a local Ray at 127.0.0.1",
        "ray._private.utils.set_sigterm_handler": "replaces so that SIGTERM ends a study well while Ray starts",
        "ray._private.services.get_ray_address_from_environment": "finds the cluster that auto stands for by",
        "ray._private.authentication.authentication_token_setup.ensure_token_if_auth_enabled": "seeks a token by",
        "ray.job_config.JobConfig._py_driver_sys_path": "keeps the current folder out of workers' imports by",
        "ray._raylet.GcsClient": "asks whether a cluster answers by",
        "ray.air.execution._internal.RayActorManager": "replaces to restart trials that ran out of memory",
        "ray.air.execution._internal.RayActorManager._actor_task_failed": "overrides to see why a process is gone",
        "ray.air.execution._internal.tracked_actor_task.TrackedActorTask": "names the type of a lost task by",
        "ray.tune.execution.tune_controller.RayActorManager": "sets to its own actor manager",
        "ray.tune.execution.tune_controller.TuneController._trial_to_actor": "knows a trial's worker by",
        "ray.tune.execution.tune_controller.TuneController._actor_manager": "knows the workers that live by",
        "ray.tune.execution.tune_controller.TrialRunnerWrapper._tune_controller": "reaches these by",
        "ray.tune.execution.tune_controller.TuneController._maybe_reuse_cached_actor": "keeps from a trial",
        "ray.air.execution._internal.RayActorManager.live_actors": "tells by whether a worker starts for a trial",
        "ray._common.constants.HEAD_NODE_RESOURCE_NAME": "asks for to run a task on the head",
    },
    "study/watch/wandb_internals.py": {
        "wandb_workspaces.workspaces.Workspace._to_model": "calls to print a view",
        "wandb.Settings.x_graphql_retry_max": "sets to give up a table that cannot be sent",
        "wandb.Settings.x_disable_stats": "sets to leave the driver's load out of the runs",
        "wandb.Settings.x_disable_meta": "sets to leave the driver's machine out of the runs",
        "wandb.sdk.wandb_setup._singleton": "tells a caller's session from one of its own by",
        "wandb.sdk.wandb_setup.singleton": "finds the session by",
        "wandb.sdk.wandb_setup._WandbSetup._settings": "puts a session's settings back by setting",
        "wandb.sdk.wandb_setup._WandbSetup._settings_environ": "puts a session's settings back by setting",
        "wandb.sdk.wandb_setup._WandbSetup._sweep_config": "keeps a caller's sweep out of the runs by setting",
        "wandb.sdk.wandb_setup._WandbSetup._load_settings": "reads a session's settings anew by",
    },
    "trainables/base/torch_internals.py": {
        "torch.nn.modules.batchnorm._BatchNorm": "knows batch norms of any dimension by",
    },
    "trainables/base/library_internals.py": {
        "sklearn.utils._param_validation.StrOptions": "states the names of the methods by",
        "imblearn.over_sampling.base.BaseOverSampler._parameter_constraints": "adds its own parameters to",
        "imblearn.base.SamplerMixin._fit_resample": "overrides to make images",
        "imblearn.base.BaseSampler._check_X_y": "overrides to allow images",
    },
    "tests/ray_internals.py": {
        "ray.autoscaler._private.util.prepare_config": "completes a launcher's file by",
        "ray.autoscaler._private.util.validate_config": "checks a launcher's file by",
        "ray._private.services.find_gcs_addresses": "hides other tests' Rays from auto by replacing",
        "ray._private.worker.global_worker": "finds the logs of Ray's processes by",
        "ray._private.runtime_env.packaging.create_package": "packs a `working_dir` as Ray does by",
        "ray._private.utils.set_sigterm_handler": "takes SIGTERM as Ray does by",
    },
    "tests/ray_aws_internals.py": {
        "ray.autoscaler._private.aws.config.bootstrap_aws": "makes a cluster's key, role and groups by",
        "ray.autoscaler._private.aws.node_provider.AWSNodeProvider": "makes and ends a cluster's machines by",
    },
    "tests/trainables/gans/test_precision_probe.py": {
        "torch.nn.Conv2d._conv_forward": "plants a wrong convolution by replacing",
    },
    "tests/trainables/classifiers/test_precision_probe.py": {
        "torch.nn.Conv2d._conv_forward": "plants a wrong convolution by replacing",
    },
    "tests/trainables/export/test_sampler_checks.py": {
        "imblearn.base.BaseSampler._check_X_y": "lets the libraries' own checks bring rows by overriding",
    },
    "benchmarks/torch_internals.py": {
        "torch.utils._python_dispatch.TorchDispatchMode": "counts operations by",
        "torch.utils._python_dispatch.return_and_correct_aliasing": "keeps the pretended GPU's views views by",
        "torch.utils._pytree.tree_flatten": "finds the tensors among an operation's arguments by",
        "torch.utils._pytree.tree_map_only": "wraps and unwraps the tensors of an operation by",
        "torch.ops.aten.mm.default._overloadpacket": "looks operations up by",
        "torch._C._disabled_torch_function_impl": "lets the pretended GPU see operations alone by",
        "torch.Tensor._make_wrapper_subclass": "makes the pretended GPU's tensors by",
        "torch._C._nn._parse_to": "reads the arguments of Tensor.to by",
        "torch.Generator._cdata": "knows the pretended GPU's generators by",
        "torch._C._ensureCUDADeviceGuardSet": "keeps torch from asking for a GPU by",
        "torch._C._only_lift_cpu_tensors": "sees uploads of numbers by",
        "torch._C._set_only_lift_cpu_tensors": "sees uploads of numbers by",
    },
}
USES = [(file, name, what_for) for file, uses in INTERNALS.items() for name, what_for in uses.items()]


def find(name: str) -> object:
    """What a dotted name stands for; raises ImportError or AttributeError where there is no such thing."""
    path, _, last = name.rpartition(".")
    owner = pkgutil.resolve_name(path)
    if isinstance(owner, type) and not hasattr(owner, last):
        # Of wandb.Settings, and what only its objects have.
        fields = owner.model_fields if issubclass(owner, BaseModel) else {}
        if last in fields or re.search(rf"\bself\.{last}\b[^=\n]* = ", inspect.getsource(owner.__init__)):
            return owner
    return getattr(owner, last)


@pytest.mark.parametrize(("file", "name", "what_for"), [pytest.param(*use, id=use[1]) for use in USES])
def test_what_is_used_is_still_there(file, name, what_for):
    library = name.partition(".")[0]
    with contextlib.suppress(AttributeError, ImportError):
        find(name)
        return
    pytest.fail(f"{library} no longer has {name}, which {file} {what_for}; see its docstring", pytrace=False)


def test_a_name_that_is_gone_is_found_out():
    of_an_object = "ray.tune.execution.tune_controller.TuneController._not_there"
    for gone in (
        "ray._private.ray_constants.NOT_THERE",
        "ray.not_there.Class",
        "wandb.Settings.x_not_there",
        of_an_object,
    ):
        with pytest.raises((AttributeError, ImportError)):
            find(gone)


def test_the_head_of_a_cluster_is_still_named_so():
    from gan_study.study.run.ray_internals import HEAD_RESOURCE

    assert find("ray._common.constants.HEAD_NODE_RESOURCE_NAME") == HEAD_RESOURCE, (
        "Ray names the head's resource anew: see HEAD_RESOURCE in study/run/ray_internals.py"
    )


def test_a_trial_of_tunes_still_holds_what_is_dropped():
    from gan_study.study.run.ray_internals import drop_trial_state

    trial = Trial("any", stub=True, config={"a": 1}, evaluated_params={"a": 1})
    held = (trial.config, trial.evaluated_params, trial.run_metadata.metric_analysis)
    held += (trial.run_metadata.metric_n_steps,)
    for values in held:
        values["a"] = 1
    drop_trial_state(trial)
    assert [*map(len, held)] == [0, 0, 0, 0] and trial.last_result["done"]


# A value's own type is not known here, so an attribute counts as another library's where no file of ours defines
# one of its name, or where it is reached from a name that was imported from elsewhere.
# Documented all the same: of named tuples, and os._exit.
PUBLIC = {"_asdict", "_exit", "_fields", "_make", "_replace"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


# What takes the name of an attribute as a text.
BY_TEXT = {"getattr", "hasattr", "setattr", "delattr", "attrgetter"}


def own_names(source: str) -> Iterator[str]:
    """The private names that a file defines: an attribute that it sets of another object than `self` is not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if ast.unparse(node.value) in ("self", "cls") else []


def names_in_texts(node: ast.AST) -> Iterator[str]:
    """The private names that a call gets as texts, such as `getattr(value, "_state")`."""
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in BY_TEXT:
        for each in node.args:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield from filter(is_private, re.findall(r"\w+", each.value))


def foreign_privates(source: str, own: set[str]) -> list[str]:
    """The private names of other libraries that a file uses."""
    found, foreign = [], set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                whole = f"{module}.{alias.name}".strip(".")
                if whole.split(".")[0] in ("gan_study", "benchmarks"):
                    continue
                foreign.add(alias.asname or alias.name.split(".")[0])
                if any(map(is_private, whole.split("."))):
                    found.append(whole)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in PUBLIC:
            root = node.value
            while isinstance(root, ast.Attribute | ast.Call):
                root = root.value if isinstance(root, ast.Attribute) else root.func
            from_elsewhere = isinstance(root, ast.Name) and root.id in foreign
            if from_elsewhere or node.attr not in own:
                found.append(ast.unparse(node))
        found += [name for name in names_in_texts(node) if name not in own]
    return found


def test_what_is_private_in_another_library_is_used_in_the_guarded_files_alone():
    sources = {f"{module.replace('.', '/')}.py": path.read_text(encoding="utf-8") for module, path in modules()}
    others = (path for folder in ("benchmarks", "tests", "gan_study") for path in (ROOT / folder).rglob("*.py"))
    sources |= {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in others}
    own = {name for source in sources.values() for name in own_names(source)}
    found = {file: uses for file, source in sources.items() if (uses := foreign_privates(source, own))}
    assert {file: uses for file, uses in found.items() if file not in INTERNALS} == {}
    assert found.keys() == INTERNALS.keys()


@pytest.mark.parametrize("file", INTERNALS)
def test_every_private_name_that_a_guarded_file_uses_is_named(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    named = {part for name in INTERNALS[file] for part in name.split(".")}
    used = {part for use in foreign_privates(source, set(own_names(source))) for part in re.findall(r"\w+", use)}
    assert {part for part in used if is_private(part)} - PUBLIC <= named


@pytest.mark.parametrize(
    "source",
    [
        "from ray._private import services",
        "import torch._dynamo",
        "from torch.nn.modules.batchnorm import _BatchNorm",
        "import ray\nray._private.services.x",
        "def f(view):\n    view._to_model()",
        "from imblearn.base import Base\nclass A(Base):\n    _own = {**Base._own}",
        "def f(session):\n    session._state = None",
        "def f(kind):\n    return getattr(kind, '_is_protocol', False)",
    ],
)
def test_a_private_name_of_another_library_is_found(source):
    assert len(foreign_privates(source, {"_own"})) == 1


def test_ones_own_private_names_are_not_found():
    source = (
        "from gan_study.a import b\nclass A:\n    def _own(self):\n        return self._own, b._own, t._asdict()"
    )
    assert foreign_privates(source, set(own_names(source))) == []
