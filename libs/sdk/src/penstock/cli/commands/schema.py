"""`penstock schema`."""

import json
import sys

from penstock.workflow.schema import flow_schema

from penstock.nodes import catalog


def schema() -> int:
    """Print the JSON Schema of workflow files, with the node types installed here."""
    sys.stdout.write(json.dumps(flow_schema(catalog()), indent=2, ensure_ascii=False) + "\n")
    return 0
