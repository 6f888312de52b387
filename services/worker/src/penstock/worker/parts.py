"""What everything in the worker that runs nodes is given."""

from dataclasses import dataclass

from penstock.common.clock import Clock
from penstock.nodes.api import Environment, Resources
from penstock.worker.payloads import Payloads
from penstock.worker.sandbox import SandboxClient


@dataclass(frozen=True, slots=True)
class Parts:
    """The worker's adapters and limits. `env_json` is the `env` object of expressions."""

    clock: Clock
    sandbox: SandboxClient
    payloads: Payloads
    resources: Resources
    environment: Environment
    env_json: bytes
    output_bytes_max: int
