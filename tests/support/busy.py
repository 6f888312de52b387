"""A flow with a bit of everything, long enough to be in the middle of when something dies."""

from typing import Any

NAME = "busy"

FLOW = """
flow: 1
id: busy
params: {n: {type: integer}}
defaults: {retry: fast}
nodes:
  first: {run: "return { n: params.n };"}
  pause: {needs: [first], uses: delay@1, with: {duration: 400ms}}
  items: {needs: [first], run: "return [1, 2, 3, 4, 5].map((k) => k * input.first.n);"}
  each:
    needs: [items]
    for_each: ${{ nodes.items.output }}
    max_parallel: 3
    run: "return item + 1;"
  odd: {needs: [first], when: "${{ nodes.first.output.n % 2 === 1 }}", run: "return 'odd';"}
  after: {needs: [odd], run: "return 'after ' + payload;"}
  last:
    needs: [pause, each, {node: after, on: always}]
    run: "return { n: params.n, sum: input.each.reduce((a, b) => a + b, 0) };"
output: ${{ nodes.last.output }}
"""


def check_result(body: dict[str, Any], n: int) -> None:
    """The run of `n` ended as it must."""
    assert body["status"] == "COMPLETED", body
    assert body["output"] == {"n": n, "sum": 15 * n + 5}
