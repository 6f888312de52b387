"""The program `penstock`: names of the commands and where each lives.

Nothing here imports a command; that happens when one runs, so that help is there at once.
"""

import sys
from importlib.metadata import version

from cyclopts import App

from penstock.cli.exit_codes import EXPLAINED, ExitCode

_COMMANDS = (
    ("dev", "Start an embedded cluster and keep serving."),
    ("run", "Run a workflow file, or a workflow that was applied, and show every node live."),
    ("validate", "Check workflow files; tells everything that is wrong, with its place."),
    ("doctor", "Check a cluster: what its self-audit found, and repairs."),
    ("retention", "Show how long ended executions are kept, and what would be removed now."),
    ("schema", "Print the JSON Schema of workflow files for editors."),
)
_GROUPS = (
    ("workflow", "Apply, list, show and compare workflows; go back to an earlier version."),
    (
        "execution",
        "Find, show, watch, compare, re-run, pause, cancel and signal executions; read logs.",
    ),
    ("task", "List, show and answer what people are asked."),
    ("node", "Retry, skip, complete or fail a node by hand, or give it another input."),
    ("schedule", "Start workflows at the slots of cron expressions; pause, trigger, backfill."),
    ("dead-letter", "List, show, retry, discard and restore executions that failed."),
    ("queue", "Show what waits for workers."),
    ("operation", "Do one thing to many executions; list, watch and stop such operations."),
    ("debug", "Hold executions at breakpoints, step through them, look into nodes, edit values."),
    ("limit", "Show limits and who waits for them; circuit breakers."),
)


def build_app() -> App:
    """The command line as a whole."""
    app = App(
        name="penstock",
        help="Penstock runs workflows durably and shows every node while it runs.",
        help_format="plaintext",
        help_epilogue=EXPLAINED,
        version=lambda: version("penstock"),
    )
    for name, meaning in _COMMANDS:
        app.command(f"penstock.cli.commands.{name}:{name}", name=name, help=meaning)
    for name, meaning in _GROUPS:
        app.command(f"penstock.cli.commands.{name.replace('-', '_')}:app", name=name, help=meaning)
    app.command("penstock.cli.commands.completion:completion", name="completion",
                help="Print the completion script for your shell.")  # fmt: skip
    app.register_install_completion_command(help="Install shell completion.")
    return app


def main() -> None:
    """Run the command that the arguments name, and end the process. An interrupt that comes while
    the command is still being loaded ends it as quietly as a later one.

    A hyphen alone is standard input; the parser would take it for an option.
    """
    arguments = ["./-" if argument == "-" else argument for argument in sys.argv[1:]]
    try:
        build_app()(arguments)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
