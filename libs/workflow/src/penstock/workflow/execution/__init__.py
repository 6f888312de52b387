"""An execution's history: event types and the fold that turns them into its state."""
