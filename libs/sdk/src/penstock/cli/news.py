"""What happens to the embedded cluster's processes, told on standard error."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from penstock.embedded.supervisor import ProcessNews


class NewsPrinter:
    """Tells starts while the cluster comes up, and afterwards only what is out of order."""

    def __init__(self, console: Console, logs: Path) -> None:
        self._console = console
        self._logs = logs
        self.up = False

    def tell(self, news: ProcessNews) -> None:
        """One piece of news."""
        match news.kind:
            case "ready" if not self.up:
                self._line("✔", "green", news.name, "ready")
            case "started" if self.up:
                self._line("●", "cyan", news.name, f"started again, process {news.pid}")
            case "died":
                log = self._logs / f"{news.name}.log"
                self._line("✘", "red", news.name, f"{news.detail} (log: {log})")
            case "killed":
                self._line("✘", "red", news.name, news.detail)
            case _:
                """Nothing a person needs to know."""

    def _line(self, icon: str, style: str, name: str, text: str) -> None:
        line = Text(f"{icon} ", style=style)
        line.append(f"{name:<14}", style="default")
        line.append(text, style="dim" if style == "green" else "default")
        self._console.print(line)
