"""Workflow files and what they mean: pure, no clock, no network, no protobuf."""
