"""Wall clocks of processes, to be turned by tests."""

import struct
from dataclasses import dataclass
from pathlib import Path

_HOOK = Path(__file__).parent / "turned_clock"


@dataclass(frozen=True)
class ProcessClock:
    """The wall clock of the processes that get `environment`."""

    file: Path

    def __post_init__(self) -> None:
        self.turn(0)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(_HOOK), "TURNED_CLOCK": str(self.file)}

    def turn(self, seconds: float) -> None:
        """Set it off by so much."""
        if not self.file.exists():
            self.file.write_bytes(bytes(8))
        with self.file.open("r+b") as file:
            file.write(struct.pack("<q", round(seconds * 1e9)))
