"""The pure core: decides what happens next to one execution. No IO, clock, randomness or
protobuf."""
