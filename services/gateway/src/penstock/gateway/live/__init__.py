"""Live events: one feed per watched execution, any number of watchers on it."""
