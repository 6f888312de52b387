"""The services that a coordinator offers over gRPC."""
