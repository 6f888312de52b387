"""The public JSON of areas beyond executions and workflows, one module each."""
