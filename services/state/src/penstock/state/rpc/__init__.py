"""The services that state offers over gRPC."""
