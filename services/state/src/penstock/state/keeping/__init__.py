"""How long things are kept: operations, retention of executions, garbage among payloads."""
