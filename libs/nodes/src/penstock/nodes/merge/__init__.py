"""`merge@1`: several values made one."""
