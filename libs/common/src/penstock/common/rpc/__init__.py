"""gRPC between services: servers, channels, batched streams. The only place besides adapters that
imports grpc."""
