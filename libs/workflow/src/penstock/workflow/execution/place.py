"""What a node asks of the worker that runs it, in words."""

from collections.abc import Mapping

from penstock.workflow.plan import NodePlan


def place_of(node: NodePlan) -> str:
    """Such as: in pool render with region=eu that has 2 cpu and 512 MiB of memory left."""
    return place_text(node.pool, node.labels, node.resources)


def place_text(pool: str, labels: Mapping[str, str], resources: Mapping[str, float]) -> str:
    """The same for what several nodes ask."""
    text = f"in pool {pool}"
    if labels:
        text += " with " + listed([f"{name}={value}" for name, value in sorted(labels.items())])
    if resources:
        amounts = [amount_text(name, amount) for name, amount in sorted(resources.items())]
        text += f" that has {listed(amounts)} left"
    return text


def amount_text(name: str, amount: float) -> str:
    """An amount with its unit."""
    return f"{amount:g} MiB of memory" if name == "memory" else f"{amount:g} {name}"


def listed(parts: list[str]) -> str:
    """Parts of a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
