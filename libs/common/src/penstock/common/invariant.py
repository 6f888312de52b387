"""The check for bugs: a broken invariant stops the step that met it and names the facts."""


class InvariantBroken(AssertionError):
    """Something that cannot happen has happened: a bug in Penstock, never an operating error."""


def invariant(condition: object, message: str, **facts: object) -> None:
    """Raise `InvariantBroken` with `facts` unless `condition` holds."""
    if not condition:
        told = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        raise InvariantBroken(f"{message} ({told})" if told else message)
