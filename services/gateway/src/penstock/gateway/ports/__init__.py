"""What the gateway needs from other services, one module for each area."""
