"""What the sandbox can be told."""

import os
from dataclasses import dataclass
from pathlib import Path

import penstock.sandbox
from penstock.common.settings import ServiceSettings, setting

_SES_IN_PACKAGE = Path("ses", "dist", "ses.umd.min.js")


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of `penstock-sandbox`."""

    listen: str = setting("127.0.0.1:7403", "Address to serve on, host:port; port 0 takes any")
    node_modules: str = setting(
        "", "Folder with the npm package ses; empty for services/sandbox/node_modules"
    )
    max_size: int = setting(0, "Most jail processes at once; 0 for the number of processors")
    preload_size: int = setting(1, "Jails kept warm from the start")
    idle_timeout: float = setting(60.0, "Seconds without calls after which a spare jail is closed")
    cleanup_interval: float = setting(15.0, "Seconds between looks for spare jails to close")
    recycle_calls: int = setting(100_000, "Calls after which a jail is replaced by a fresh one")
    wall_ms: int = setting(30_000, "Longest a call may run, in ms, unless it says less or more")
    wall_ms_max: int = setting(600_000, "Longest time a call may ask for, in ms")
    memory_mb: int = setting(128, "Most memory of a call, in MB; a call may ask for less")
    output_bytes_max: int = setting(16_777_216, "Largest output of one step")
    queue_max: int = setting(20_000, "Most calls that may wait for a jail; more are refused")
    confinement: str = setting(
        "best-effort",
        "required: refuse to start if the platform cannot confine jails fully",
        choices=("best-effort", "required"),
    )

    def jails_max(self) -> int:
        """Most jail processes at once."""
        return max(self.max_size or os.cpu_count() or 1, self.preload_size, 1)

    def ses_bundle(self) -> Path:
        """The file every jail loads before user code."""
        if self.node_modules:
            return Path(self.node_modules).resolve() / _SES_IN_PACKAGE
        return package_folder() / "node_modules" / _SES_IN_PACKAGE


def package_folder() -> Path:
    """The folder of this service, where its package.json is (in a checkout)."""
    return Path(next(iter(penstock.sandbox.__path__))).parents[2]
