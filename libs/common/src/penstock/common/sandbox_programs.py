"""How many programs stay known on their way into V8."""

PROGRAMS_MAX = 4_000
"""Programs that a worker's stream, the front's account of a jail, and the jail itself each keep:
all code nodes of a wide workflow, and of some others. Each costs V8 some 14 KB once compiled. It is
one number for all three: whoever kept fewer would tell programs again that the others know, with
every call once a workflow has more nodes than that."""
