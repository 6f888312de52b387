"""The program `penstock` as a user runs it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PENSTOCK = Path(sys.executable).with_name("penstock")
TIMEOUT_S = 60


@dataclass(frozen=True)
class Penstock:
    """Commands against one server, run from the repository's root."""

    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
        path = f"{PENSTOCK.parent}{os.pathsep}{own.get('PATH', '')}"
        return own | {"PENSTOCK_URL": self.url, "COLUMNS": "200", "PATH": path}

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PENSTOCK, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, *arguments: str | Path, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PENSTOCK, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
