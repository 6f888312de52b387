"""The jail process: V8 with user code in it, and as little else as can be."""
