"""Which hosts a node may reach: patterns of the server and of the node, both of which must
allow."""

from collections.abc import Sequence

from penstock.nodes.api import NodeFailure


def host_allowed(host: str, port: int | None, patterns: Sequence[str]) -> bool:
    """True if a pattern fits: `*`, `shop.example`, `*.example` (any depth below), each maybe
    `:port`.
    """
    name = host.lower().rstrip(".")
    for pattern in patterns:
        wanted, colon, wanted_port = pattern.lower().rpartition(":")
        if not colon or not wanted_port.isdigit():
            wanted, wanted_port = pattern.lower(), ""
        if wanted_port and int(wanted_port) != port:
            continue
        wanted = wanted.strip("[]")
        if wanted in ("*", name) or (wanted.startswith("*.") and name.endswith(wanted[1:])):
            return True
    return False


def check_egress(
    host: str | None, port: int | None, server: Sequence[str], node: Sequence[str] | None
) -> None:
    """Raise EGRESS_DENIED unless the server's patterns and the node's (if any) allow this host."""
    if not host:
        raise NodeFailure("user", "BAD_URL", "the address has no host")
    for whose, patterns in (("server", server), ("node", node)):
        if patterns is not None and not host_allowed(host, port, patterns):
            raise NodeFailure(
                "user",
                "EGRESS_DENIED",
                f"the {whose}'s egress list does not allow {host}"
                + (f":{port}" if port is not None else ""),
                {"host": host, "allowed": list(patterns)},
            )
