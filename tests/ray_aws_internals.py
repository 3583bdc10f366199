"""What tests use of Ray's launcher for AWS, which is not its public interface and needs boto3."""

from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider

__all__ = ["AWSNodeProvider", "bootstrap_aws"]
