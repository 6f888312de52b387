"""What is simulated: how many workers of which kind, how much work of which shape, who comes and
goes."""

from dataclasses import dataclass, replace

SHARDS = 100
WORKERS = 1_000


@dataclass(frozen=True, slots=True)
class Group:
    """Workers of one kind. `slots` tasks run at once on each, `credits` are held at once."""

    count: int
    slots: int = 4
    credits: int = 16
    pool: str = "default"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One simulated cluster and the work offered to it.

    `load` is the offered work as a share of all slots. An execution is `steps` nodes in a row, or,
    if `width` is more than 1, so many attempts that are ready together. Of the workers `dying`
    lose their machine, `draining` leave in order and `joining` come new, at moments spread evenly.
    """

    name: str
    groups: tuple[Group, ...] = (Group(WORKERS),)
    shape: str = "exponential"
    load: float = 0.8
    mean_s: float = 0.1
    seconds: float = 0.8
    coordinators: int = 4
    steps: int = 1
    width: int = 1
    dying: int = 0
    draining: int = 0
    joining: int = 0

    @property
    def workers(self) -> int:
        """How many there are at the beginning."""
        return sum(group.count for group in self.groups)


_PLAIN = Scenario("plain")

SCENARIOS = (
    replace(_PLAIN, name="constant times", shape="constant"),
    replace(_PLAIN, name="exponential times"),
    replace(_PLAIN, name="skewed times (log-normal)", shape="log-normal"),
    replace(_PLAIN, name="heavy-tailed times", shape="heavy-tailed"),
    replace(_PLAIN, name="nearly full (95 %)", load=0.95),
    replace(_PLAIN, name="nearly idle (5 %)", load=0.05),
    replace(_PLAIN, name="one coordinator", coordinators=1),
    replace(_PLAIN, name="ten coordinators", coordinators=10),
    replace(_PLAIN, name="credits without end (2,000)", groups=(Group(WORKERS, credits=2_000),)),
    replace(
        _PLAIN,
        name="unequal workers (1 to 16 slots)",
        groups=tuple(Group(200, slots, 4 * slots) for slots in (1, 2, 4, 8, 16)),
        mean_s=0.15,
    ),
    replace(
        _PLAIN,
        name="three pools (700, 250, 50)",
        groups=(Group(700), Group(250, pool="gpu"), Group(50, pool="edge")),
    ),
    replace(_PLAIN, name="chains of ten", steps=10, mean_s=0.05, load=0.7),
    replace(_PLAIN, name="fan-outs of 1,000", width=1_000, load=0.6),
    replace(
        _PLAIN,
        name="100 die, 100 drain, 100 join",
        dying=100,
        draining=100,
        joining=100,
        seconds=3.0,
        load=0.5,
        mean_s=0.2,
    ),
)
