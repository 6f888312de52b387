"""Dormancy: executions that only wait cost a row, not memory.

`Dozing` lets them go, `Sleepers` knows who is due soon, `Awakening` brings them back.
"""

import asyncio
from collections.abc import Sequence

from penstock.common.clock import Clock
from penstock.coordinator.shell.dormancy.awakening import Awakening
from penstock.coordinator.shell.dormancy.dozing import Dozing
from penstock.coordinator.shell.dormancy.sleepers import Sleepers
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.turns import Turns


class Dormancy:
    """The three parts, connected to each other and to the turns."""

    def __init__(
        self,
        dozing: Dozing,
        sleepers: Sleepers,
        awakening: Awakening,
        turns: Turns,
        shards: Shards,
        executions_max: int,
    ) -> None:
        self.dozing = dozing
        self.sleepers = sleepers
        self.awakening = awakening
        turns.on_waiting = dozing.note
        dozing.keeps_timer = sleepers.keeps
        dozing.may_doze = lambda: sleepers.looked
        dozing.crowded_from = max(1, executions_max // 2)
        sleepers.shards = lambda: shards.owned
        sleepers.is_waking = awakening.is_waking
        awakening.executions_max = executions_max

    def wake(self, due: Sequence[str]) -> None:
        """Timers of executions that are not in memory went off."""
        for execution_id in due:
            self.awakening.time_passed(execution_id)
        self.sleepers.took(len(due))

    async def run(self, clock: Clock) -> None:
        """Keep all of it going until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.dozing.run())
            group.create_task(self.sleepers.run())
            group.create_task(self.awakening.run(clock))
