"""Starting executions: what is asked is checked, repeated starts are known again."""
