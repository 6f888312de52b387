"""Operations of the self-audit."""

from penstock.gateway.interface.operation import Answered, Operation, in_query
from penstock.gateway.shapes.audit import AuditReport, RepairBody, RepairReport

AUDIT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/audit",
        "get",
        "getAudit",
        "What the self-audit found wrong",
        [Answered(200, "The findings of all coordinators.", AuditReport)],
        [in_query("now", "`true` to look at everything first, which takes its time.", "boolean")],
    ),
    Operation(
        "/v1/audit/repair",
        "post",
        "repairFindings",
        "Mend what the self-audit found",
        [Answered(200, "What was done, or would be.", RepairReport)],
        body=RepairBody,
        problems=(404, 413, 415),
    ),
)
