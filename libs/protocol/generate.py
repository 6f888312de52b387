"""Generate the Python modules of every contract under protos/ into libs/protocol/src.

Run by `make protos`; `--check` writes nothing and fails if what is committed differs.
"""

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "protos"
GENERATED = ROOT / "libs/protocol/src"


def generated_in(folder: Path) -> list[Path]:
    """Generated files below a folder, relative to it."""
    found = (p for p in folder.rglob("*_pb2*") if p.suffix in {".py", ".pyi"})
    return sorted(p.relative_to(folder) for p in found)


def generate(target: Path) -> list[Path]:
    """Write messages, stubs and their types below `target`; return the paths relative to it."""
    contracts = sorted(CONTRACTS.rglob("*.proto"))
    services = [c for c in contracts if "\nservice " in c.read_text()]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{CONTRACTS}"]
    # protoc finds its plug-ins on the PATH; they are installed beside this interpreter.
    beside = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    out = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    subprocess.run([*protoc, *out, *map(str, contracts)], check=True, env=beside)
    grpc_out = [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}"]
    subprocess.run([*protoc, *grpc_out, *map(str, services)], check=True, env=beside)
    return generated_in(target)


def main() -> int:
    """Generate, or compare with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    check = parser.parse_args().check
    committed = generated_in(GENERATED)
    with tempfile.TemporaryDirectory() as scratch:
        fresh = generate(Path(scratch))
        if check:
            _, differing, missing = filecmp.cmpfiles(scratch, GENERATED, fresh, shallow=False)
            stale = {*map(str, committed)} - {*map(str, fresh)}
            for name in sorted({*map(str, differing), *map(str, missing), *stale}):
                print(f"out of step with protos/: {name}; run `make protos`")  # noqa: T201
            return int(bool(differing or missing or stale))
    for old in committed:
        (GENERATED / old).unlink()
    generate(GENERATED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
