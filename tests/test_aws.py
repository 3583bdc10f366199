"""The cloud's part of `ray up cluster.yaml`, carried out on a simulated AWS (moto)."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.ray_internals import prepare_config

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: make .venv/.installed-dev")
mock_aws = pytest.importorskip("moto", reason="moto is not installed: make .venv/.installed-dev").mock_aws

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
REGION, HOME_ADDRESS = "us-west-2", "198.51.100.7/32"


@pytest.fixture
def ec2(tmp_path, monkeypatch):
    """An empty account in the file's region; keys are written into another home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    # Ray waits for AWS to spread the news of a new role.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield boto3.client("ec2", region_name=REGION)


def security_group(ec2, text):
    """The group that the comments of the file say how to make."""
    group = ec2.create_security_group(GroupName="gan-study", Description="gan-study")["GroupId"]
    for command in re.findall(r"# +aws ec2 authorize-security-group-ingress (.+)", text):
        words = shlex.split(command.replace("$group", group).replace("YOUR_ADDRESS/32", HOME_ADDRESS))
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[rule(dict(zip(words[::2], words[1::2], strict=True)))]
        )
    return group


def rule(options):
    """What a command of AWS's own client with these `options` permits."""
    port = {"FromPort": int(options["--port"]), "ToPort": int(options["--port"])} if "--port" in options else {}
    protocol = {"all": "-1"}.get(options["--protocol"], options["--protocol"])
    if "--source-group" in options:
        return {"IpProtocol": protocol, **port, "UserIdGroupPairs": [{"GroupId": options["--source-group"]}]}
    return {"IpProtocol": protocol, **port, "IpRanges": [{"CidrIp": options["--cidr"]}]}


def filled_in(ec2, **changes):
    """The shipped file with what its head says is to be filled in."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    for place, value in (
        ("SECURITY_GROUP", security_group(ec2, text)),
        ("IMAGE_ID", image),
        ("STORAGE_HOST", "nfs"),
    ):
        text = text.replace(place, value)
    cluster = yaml.safe_load(text)
    for node_type in cluster["available_node_types"].values():
        node_type["node_config"].update(changes)
    return cluster


def launched(cluster, kind):
    """The machine of a kind that Ray asks AWS for, what it asked, and who did."""
    # Ray's own loads boto3.
    from tests.ray_aws_internals import AWSNodeProvider, bootstrap_aws

    config = bootstrap_aws(prepare_config(cluster))
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    role = "head" if kind == config["head_node_type"] else "worker"
    tags = {"ray-node-type": role, "ray-node-name": kind, "ray-user-node-type": kind}
    # Ray adds to the head's what no worker is to have.
    of_head = config["head_node"] if role == "head" else {}
    node_config = {**config["available_node_types"][kind]["node_config"], **of_head}
    (id_,) = provider.create_node(node_config, tags, 1)
    return id_, node_config, provider


def machine(ec2, id_):
    return ec2.describe_instances(InstanceIds=[id_])["Reservations"][0]["Instances"][0]


def rules_of(ec2, machine):
    ids = [group["GroupId"] for group in machine["SecurityGroups"]]
    groups = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return [rule for group in groups for rule in group["IpPermissions"]]


def check_rules(ec2, machine):
    """Machines of the group reach each other on all ports; all that others reach is ssh, from one address."""
    of_group, ssh = sorted(rules_of(ec2, machine), key=lambda rule: rule["IpProtocol"])
    (group,) = machine["SecurityGroups"]
    assert group["GroupName"] == "gan-study"
    assert of_group["IpProtocol"] == "-1"
    assert [each["GroupId"] for each in of_group["UserIdGroupPairs"]] == [group["GroupId"]]
    assert (ssh["IpProtocol"], ssh["FromPort"], ssh["ToPort"]) == ("tcp", 22, 22)
    assert [each["CidrIp"] for each in ssh["IpRanges"]] == [HOME_ADDRESS]
    assert not of_group["IpRanges"] and not ssh["UserIdGroupPairs"]
    assert not any(each.get("Ipv6Ranges") for each in (of_group, ssh))


def test_a_head_has_the_users_key_role_and_group_and_is_gone_once_it_is_shut_down(ec2, tmp_path):
    id_, asked, provider = launched(filled_in(ec2), "head")
    head = machine(ec2, id_)
    assert head["InstanceType"] == "m5.xlarge" and head["State"]["Name"] in ("pending", "running")
    (key,) = (tmp_path / ".ssh").glob("*.pem")
    assert key.stat().st_mode & 0o077 == 0
    assert head["KeyName"] == key.stem
    profile = boto3.client("iam").get_instance_profile(InstanceProfileName="ray-autoscaler-v1")["InstanceProfile"]
    assert asked["IamInstanceProfile"] == {"Arn": profile["Arn"]} and len(profile["Roles"]) == 1
    check_rules(ec2, head)
    attribute = ec2.describe_instance_attribute(InstanceId=id_, Attribute="instanceInitiatedShutdownBehavior")
    assert attribute["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    provider.terminate_node(id_)
    assert machine(ec2, id_)["State"]["Name"] in ("shutting-down", "terminated")


def test_a_worker_is_a_spot_machine_with_room_for_pytorch_that_is_ended_not_stopped(ec2):
    id_, _, provider = launched(filled_in(ec2), "gpu_worker")
    worker = machine(ec2, id_)
    assert (worker["InstanceType"], worker["InstanceLifecycle"]) == ("g5.xlarge", "spot")
    (disk,) = (each["Ebs"] for each in worker["BlockDeviceMappings"])
    (volume,) = ec2.describe_volumes(VolumeIds=[disk["VolumeId"]])["Volumes"]
    assert (volume["Size"], volume["VolumeType"]) == (150, "gp3")
    assert disk["DeleteOnTermination"] is True
    check_rules(ec2, worker)
    assert not provider.cache_stopped_nodes
    provider.terminate_nodes([id_])
    assert machine(ec2, id_)["State"]["Name"] in ("shutting-down", "terminated")


def test_without_a_group_of_ones_own_ray_opens_ssh_to_the_world(ec2):
    """The mistake that the file's group is against; the test above would find it."""
    cluster = filled_in(ec2)
    for node_type in cluster["available_node_types"].values():
        del node_type["node_config"]["SecurityGroupIds"]
    id_, *_ = launched(cluster, "head")
    head = machine(ec2, id_)
    open_ports = {rule["FromPort"] for rule in rules_of(ec2, head) if {"CidrIp": "0.0.0.0/0"} in rule["IpRanges"]}
    assert open_ports == {22}
    with pytest.raises(AssertionError):
        check_rules(ec2, head)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("--cidr YOUR_ADDRESS/32", "--cidr 0.0.0.0/0"),
        ("--port 22", "--port 6379"),
        ("--protocol all", "--protocol tcp --port 22"),
    ],
)
def test_a_wrong_group_is_found(ec2, monkeypatch, written, instead):
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda *path, **how: read(*path, **how).replace(written, instead))
    id_, *_ = launched(filled_in(ec2), "gpu_worker")
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check_rules(ec2, machine(ec2, id_))


def test_a_group_that_was_not_filled_in_is_refused_before_anything_is_paid_for(ec2, capsys):
    cluster = filled_in(ec2, SecurityGroupIds=["SECURITY_GROUP"])
    with pytest.raises(AssertionError):
        launched(cluster, "head")
    assert "Failed to detect a security group" in "".join(capsys.readouterr())
    assert ec2.describe_instances()["Reservations"] == []
