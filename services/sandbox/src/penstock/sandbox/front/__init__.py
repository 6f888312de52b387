"""The front: gRPC on one side, jail processes on the other, no user code."""
