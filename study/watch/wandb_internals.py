"""All that is used of W&B and is not its public interface, in one place.

Seen in wandb 0.31.0 and wandb-workspaces 0.4.13. tests/test_internals.py names each of these, and fails with a
sentence when a later W&B no longer has it.
"""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb_workspaces import workspaces

# W&B calls settings whose names begin with x_ experimental; there are no others for these.
EXPERIMENTAL_SETTINGS: dict[str, Any] = {
    # How often the upload of a table is tried, 2, 4, 8 ... s after one another: its client would wait for ever.
    "x_graphql_retry_max": 5,
    # The driver's machine is no trial's.
    "x_disable_stats": True,
    "x_disable_meta": True,
}


def specification(view: "workspaces.Workspace") -> str:
    """The view as W&B stores it, as JSON; the library writes a view only by sending it."""
    return json.dumps(json.loads(view._to_model().model_dump_json(by_alias=True, exclude_none=True)), indent=2)
