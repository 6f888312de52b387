"""From an attempt that is ready to a worker that has it, and back."""
