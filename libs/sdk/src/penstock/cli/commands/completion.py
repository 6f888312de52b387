"""`penstock completion`."""

import sys
from typing import Literal

from penstock.cli.main import build_app


def completion(shell: Literal["bash", "zsh", "fish"] = "bash") -> int:
    """Print the completion script for your shell.

    Parameters
    ----------
    shell
        The shell to complete in.
    """
    sys.stdout.write(build_app().generate_completion(shell=shell))
    return 0
