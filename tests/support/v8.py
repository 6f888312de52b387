"""V8 as the judge of what JavaScript gives."""

import json
from typing import Any

from py_mini_racer import MiniRacer

_JUDGE = """
function judge(source, scopeJson) {
  const scope = JSON.parse(scopeJson);
  let made;
  try { made = new Function(...Object.keys(scope), `"use strict"; return (${source}\n)`); }
  catch (error) { return JSON.stringify({syntax: error.message}); }
  try {
    const value = made(...Object.values(scope));
    const text = JSON.stringify(value);
    return text === undefined ? '{"undefined": true}' : `{"value": ${text}}`;
  } catch (error) { return JSON.stringify({error: error.message}); }
}
"""


class V8:
    """One isolate."""

    def __init__(self) -> None:
        self._racer = MiniRacer()
        self._racer.eval(_JUDGE)

    def evaluate(self, source: str, scope: dict[str, Any]) -> dict[str, Any]:
        """`{"value": ...}`, `{"undefined": true}`, `{"error": text}` or `{"syntax": text}`."""
        call = f"judge({json.dumps(source)}, {json.dumps(json.dumps(scope))})"
        return json.loads(str(self._racer.eval(call)))

    def text(self, expression: str) -> str:
        """`String(expression)`."""
        return str(self._racer.eval(f"String({expression})"))

    def close(self) -> None:
        self._racer.close()
