"""What the keys of limits read: parameters and items, fetched from the store where they are not in
the journal itself."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Payloads
from penstock.coordinator.shell.limits.gated import Permits
from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.process import Process
from penstock.workflow.execution.values import NodeRef, Payload

_BACKOFF_S = 0.5
_BACKOFF_MAX_S = 5.0


class KeyValues:
    """Values by execution, kept with its permits. `on_ready` hears when what was missing is
    there."""

    def __init__(self, payloads: Payloads, process: Process) -> None:
        self._payloads = payloads
        self._process = process
        self._log = get_logger("limits")
        self.on_ready: Callable[[Live], None] = lambda live: None

    def at_hand(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> bool:
        """True if the keys of these attempts can be evaluated now; else what they read is on its
        way."""
        missing = self._missing(live, permits, refs)
        if missing and not permits.fetching:
            permits.fetching = True
            self._process.tasks.create_task(self._fetch(live, permits, missing))
        return not missing

    def _missing(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> dict[str, Payload]:
        limits = permits.limits
        nodes = {ref.node for ref in refs}
        missing: dict[str, Payload] = {}
        started = live.state.started
        reads_params = any("params" in limits.reads(node) for node in (None, *nodes))
        if reads_params and started is not None and started.params.digest:
            missing["params"] = started.params
        for node in nodes:
            items = live.state.fan_outs.get(node)
            if items is not None and items.items.digest and "item" in limits.reads(node):
                missing[f"items {node}"] = items.items
        return {name: at for name, at in missing.items() if name not in permits.values}

    async def _fetch(self, live: Live, permits: Permits, missing: dict[str, Payload]) -> None:
        for name, payload in missing.items():
            permits.values[name] = await self._read(live, payload)
        permits.fetching = False
        self.on_ready(live)

    async def _read(self, live: Live, payload: Payload) -> Any:
        """A stored value; None if it will never be there, which makes the key a bad one."""
        backoff_s = _BACKOFF_S
        while not live.gone:
            try:
                return msgspec.json.decode(await self._payloads.get(live.tenant, payload.digest))
            except PenstockError as error:
                self._log.warning("key_values_not_read", execution=live.id, error=str(error))
                if not error.retryable:
                    return None
                await asyncio.sleep(backoff_s)
                backoff_s = min(_BACKOFF_MAX_S, backoff_s * 2)
        return None

    def scope(self, live: Live, permits: Permits, ref: NodeRef | None) -> dict[str, Any]:
        """What the keys of an attempt, or of the execution as a whole, may name. Stored parameters
        that no key reads are not there."""
        values = permits.values
        started = live.state.started
        if "params" not in values and started is not None and not started.params.digest:
            values["params"] = msgspec.json.decode(started.params.json)
        scope = {"params": values.get("params", {}), "run": {"id": live.id}}
        if ref is not None and ref.item:
            node = live.plan.nodes[ref.node]
            scope[node.item_name] = scope["item"] = self._item(live, permits, ref)
        return scope

    def _item(self, live: Live, permits: Permits, ref: NodeRef) -> Any:
        stored = permits.values.get(f"items {ref.node}")
        if stored is not None:
            return stored[ref.item - 1]
        fan_out = live.state.fan_outs[ref.node]
        json = fan_out.inputs[ref.item - 1] if fan_out.inputs else None
        return msgspec.json.decode(json) if json is not None else None
