"""The journal: group commit of appended batches, and their publication."""
