"""The workflows that are measured: trivial JavaScript, so that what is measured is the engine."""


def chain(length: int) -> str:
    """Nodes in a row; each adds one to its parent's output."""
    lines = [
        "flow: 1",
        f"id: bench-chain{length}",
        "params: {n: {type: number, default: 0}}",
        "nodes:",
    ]
    lines.append("  s0: {run: 'return { n: params.n + 1 };'}")
    for index in range(1, length):
        parent = f"s{index - 1}"
        lines.append(
            f"  s{index}: {{needs: [{parent}], run: 'return {{ n: input.{parent}.n + 1 }};'}}"
        )
    return "\n".join(lines) + "\n"


def fan_out(width: int) -> str:
    """One node, `width` items, one node that counts them."""
    return f"""flow: 1
id: bench-fanout{width}
nodes:
  list: {{run: 'return Array.from({{length: {width}}}, (_, i) => i);'}}
  each: {{needs: [list], for_each: "${{{{ nodes.list.output }}}}", run: 'return item * 2;'}}
  join: {{needs: [each], run: 'return input.each.reduce((a, b) => a + b, 0);'}}
"""


def single() -> str:
    """One node."""
    return "flow: 1\nid: bench-single\nnodes:\n  only: {run: 'return { ok: true };'}\n"
