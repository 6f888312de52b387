"""What this worker offers to attempts that ask for it: labels, and how much of each resource."""

import os
from collections.abc import Mapping
from pathlib import Path

from penstock.common.settings import numbers_of, pairs_of
from penstock.workflow import vocabulary as words

AUTO = "auto"
_MIB = 1024 * 1024
_CGROUP = Path("/sys/fs/cgroup")


def labels_of(text: str) -> dict[str, str]:
    """Labels from their setting. Raises `ValueError` with what would be right."""
    labels = pairs_of(text)
    for name, value in labels.items():
        if not (words.LABEL.fullmatch(name) and words.LABEL.fullmatch(value)):
            raise ValueError(f"names and values of labels are {words.LABEL_RULE}")
    return labels


def check_resources(text: str) -> None:
    """Raise `ValueError` with what would be right if this is no setting of resources."""
    _split(text)


def _split(text: str) -> tuple[bool, dict[str, float]]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    named = numbers_of(",".join(part for part in parts if part != AUTO))
    for name in named:
        if not words.RESOURCE.fullmatch(name):
            raise ValueError(f"a resource is {words.RESOURCE_RULE}")
    return AUTO in parts, named


def resources_of(text: str, machine: Mapping[str, float]) -> dict[str, float]:
    """Resources from their setting; `auto` stands for what the machine has, and what is named comes
    before that. Raises `ValueError`."""
    automatic, named = _split(text)
    return {**machine, **named} if automatic else named


def machine_resources(cgroup: Path = _CGROUP) -> dict[str, float]:
    """The processors and the memory (MiB) that this process may use, its container's limits
    included."""
    if hasattr(os, "sched_getaffinity"):
        cpu = float(len(os.sched_getaffinity(0)))
    else:
        cpu = float(os.cpu_count() or 1)
    quota, _, period = _first_line(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        cpu = min(cpu, int(quota) / int(period))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _first_line(cgroup / "memory.max")
    if limit.isdigit():
        memory = min(memory, int(limit))
    return {"cpu": cpu, "memory": float(memory // _MIB)}


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
