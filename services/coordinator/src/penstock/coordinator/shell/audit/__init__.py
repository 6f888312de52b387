"""The self-audit: what is checked, what was found, and how it is mended."""
