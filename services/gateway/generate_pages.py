"""Bring docs/errors into the gateway's package, which serves it under /errors/<REASON>.

The pages are one JSON object, so that every kind of installation has them. `--check` writes nothing
and fails if what is committed differs.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "docs/errors"
TARGET = Path(__file__).parent / "src/penstock/gateway/pages/errors.json"


def main() -> int:
    """Write, or compare with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    check = parser.parse_args().check
    pages = {path.stem: path.read_text("utf-8") for path in sorted(SOURCES.glob("*.md"))}
    text = json.dumps(pages, indent=1, ensure_ascii=False) + "\n"
    if not check:
        TARGET.write_text(text, "utf-8")
    elif not TARGET.exists() or TARGET.read_text("utf-8") != text:
        print("out of step with docs/errors: run `python services/gateway/generate_pages.py`")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
