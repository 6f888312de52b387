"""The front tells a jail a program once, and remembers as many as the jail does."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.sandbox.front.calls import InFlight, Program, Stream
from penstock.sandbox.front.jail import Jail


class Listening:
    """A process that only notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[pb.RunRequest] = []

    def listen(self, on_frame: Any) -> None:
        return

    def cpu_s(self) -> float:
        return 0.0

    def send(self, body: bytes) -> None:
        self.sent.append(pb.RunRequest.FromString(body))


class Front:
    def __init__(self) -> None:
        self.process = Listening()
        self.jail = Jail(self.process, lambda jail: None)  # type: ignore[arg-type]
        self._stream = Stream()
        self._slots = count(1)

    def told(self, programs: Sequence[Program]) -> list[str]:
        """Which programs go along when a batch of each of these is sent."""
        self.jail.send(
            [
                InFlight(slot, self._stream, 0, pb.CallBatch(call_ids=[slot]), 1.0, 1, program)
                for slot, program in zip(self._slots, programs, strict=False)
            ]
        )
        return [program.steps[0].node_id for program in self.process.sent[-1].programs]


def program(number: int) -> Program:
    return Program(pb.Program(steps=[pb.Step(node_id=f"n{number}")]), 1.0, 1)


def test_the_last_program_that_it_keeps_is_still_there():
    front, programs = Front(), [program(number) for number in range(PROGRAMS_MAX)]
    assert len(front.told(programs)) == PROGRAMS_MAX
    assert front.told(programs) == []
    numbers = [batch.program_id for batch in front.process.sent[-1].batches]
    assert numbers == list(range(PROGRAMS_MAX))


def test_one_more_takes_the_place_of_the_one_used_longest_ago():
    front, programs = Front(), [program(number) for number in range(PROGRAMS_MAX)]
    front.told(programs)
    front.told(programs[:1])
    assert front.told([program(PROGRAMS_MAX)]) == [f"n{PROGRAMS_MAX}"]
    assert front.told([programs[0], programs[2]]) == []
    assert front.told([programs[1]]) == ["n1"]
