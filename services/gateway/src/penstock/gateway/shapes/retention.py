"""The public JSON of retention."""

import msgspec


class WorkflowRetention(msgspec.Struct, frozen=True, kw_only=True):
    """How long ended executions of a workflow are kept (`null`: for ever), and how many would go
    now."""

    workflow: str
    completed_s: float | None
    failed_s: float | None
    executions: int


class RetentionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the next sweep would remove if it came now. Without `exact` there are at least so
    many."""

    executions: int
    payloads: int
    operations: int
    exact: bool
    workflows: tuple[WorkflowRetention, ...]
