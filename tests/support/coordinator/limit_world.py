"""Coordinators that hold limits, in simulated time: leases, messages, crashes, and an outside that
counts what really runs.

The limits are the real ones (`ClusterLimits` with its book and claims); around them is the least of
a cluster: who has which shard and until when, streams that break, workers that go on without their
coordinator for as long as their fence lets them.
"""

from random import Random

from penstock.common.ids import shard_of
from penstock.coordinator.limits.claims import KeyOwner
from penstock.coordinator.limits.permits import Ask, PermitId, SlotRule, Sync, make_key
from penstock.coordinator.shell.limits.cluster_limits import MARGIN_S
from penstock.coordinator.shell.live import Shard
from support.coordinator.limit_node import FENCE_S, SHARDS, TTL_S, Node, Run, Time

ADOPTION_S = 1.0


class World:
    def __init__(self, seed: int, limit: int) -> None:
        self.random = Random(seed)
        self.time = Time()
        self.limit = limit
        self.key = make_key("concurrency", "t", "k")
        self.nodes: dict[str, Node] = {}
        self.joined: dict[str, float] = {}
        self.leases: dict[int, KeyOwner] = {}
        self.epochs = dict.fromkeys(range(SHARDS), 0)
        self.settled: set[int] = set()
        self.work: dict[str, dict] = {}
        self.running: dict[PermitId, Run] = {}
        self.greetings: list[tuple[str, str]] = []
        self.slow: set[tuple[str, str, bool]] = set()
        self.loaded: list[tuple[float, Node, Shard]] = []
        self.most = 0
        self.count = 0
        self.settlings = 0

    # Executions

    def start(self) -> None:
        self.count += 1
        name = f"e{self.count}"
        shard = shard_of(name, SHARDS)
        for node in self.nodes.values():
            if node.alive and shard in node.shards and node.holds():
                self.work[name] = {"shard": shard, "attempt": 1, "done": False, "granted": False}
                self.want(node, name)
                return

    def want(self, node: Node, name: str) -> None:
        work = self.work[name]
        epoch = node.shards[work["shard"]].epoch
        permit = PermitId(name, 0, 0, work["attempt"])
        rule = SlotRule(self.limit)
        node.limits.ask(Ask(permit, self.key, rule, 5, self.time.now_us(), epoch))

    def begin(self, node: Node, permit: PermitId) -> None:
        assert permit not in self.running, "nothing runs twice under one permit"
        self.running[permit] = Run(node, self.time.now)
        self.check()

    def check(self) -> None:
        self.most = max(self.most, len(self.running))
        assert len(self.running) <= self.limit, f"{len(self.running)} run: {self.running}"

    def finish(self) -> None:
        """A worker is done with something, and its coordinator hears of it if it is there."""
        if not self.running:
            return
        permit = self.random.choice(list(self.running))
        run = self.running.pop(permit)
        work = self.work[permit.execution_id]
        node = run.by
        if node.alive and work["shard"] in node.shards and work["attempt"] == permit.attempt:
            work["done"] = node.holds() or work["done"]
            node.limits.claims.give_back(permit, self.key)
            if not work["done"]:
                work["attempt"] += 1
                self.want(node, permit.execution_id)

    def lose_worker(self) -> None:
        """A coordinator does not hear of a worker any more, which goes on for a while."""
        if self.running:
            self.lose(self.random.choice(list(self.running)))

    def lose(self, permit: PermitId) -> None:
        run = self.running[permit]
        node, work = run.by, self.work[permit.execution_id]
        if not node.alive or work["shard"] not in node.shards or run.cancelled:
            return
        run.cancelled = True
        until = node.limits.now_us() + node.limits.doubt_us
        node.limits.claims.doubt(permit, self.key, until)
        if work["attempt"] == permit.attempt and not work["done"]:
            work["attempt"] += 1
            self.want(node, permit.execution_id)

    def cancel(self) -> None:
        """An execution ends on disk while its attempt runs; the worker hears of it late or
        never."""
        if not self.running:
            return
        permit = self.random.choice(list(self.running))
        run, work = self.running[permit], self.work[permit.execution_id]
        node = run.by
        if node.alive and node.holds() and work["shard"] in node.shards and not run.cancelled:
            run.cancelled = work["done"] = True
            until = node.limits.now_us() + node.limits.doubt_us
            node.limits.claims.doubt(permit, self.key, until)

    # Members and leases

    def join(self) -> None:
        node = Node(self, f"c{len(self.nodes) + 1}")
        self.nodes[node.name] = node
        self.renew(node)

    def renew(self, node: Node) -> None:
        if not node.alive:
            return
        now = self.time.now
        node.renewed = self.joined[node.name] = now
        for number, shard in list(node.shards.items()):
            if self.leases.get(number) != KeyOwner(node.name, shard.epoch):
                self.forget(node, number)
        members = {n: n for n, at in self.joined.items() if now - at <= TTL_S}
        node.limits.follow(SHARDS, members, dict(self.leases))
        self.take_free(node)

    def take_free(self, node: Node) -> None:
        for number in range(SHARDS):
            owner = self.leases.get(number)
            is_free = (
                owner is None or self.time.now - self.joined.get(owner.coordinator_id, -1e9) > TTL_S
            )
            if is_free and self.random.random() < 0.7:
                self.epochs[number] += 1
                self.leases[number] = KeyOwner(node.name, self.epochs[number])
                self.load(node, number)

    def load(self, node: Node, number: int) -> None:
        shard = Shard(number, self.epochs[number], 0, settled=number in self.settled)
        self.settled.discard(number)
        node.shards[number] = shard
        node.limits.loaded(shard)
        for name in self.open_in(number):
            permit = PermitId(name, 0, 0, self.work[name]["attempt"])
            node.limits.claims.recall(
                Ask(permit, self.key, SlotRule(self.limit), 5, 0, shard.epoch)
            )
            run = self.running.get(permit)
            if run is not None and not run.cancelled and self.random.random() < 0.5:
                run.by, run.heard = node, self.time.now
        node.limits.speak()
        self.loaded.append((self.time.now + ADOPTION_S, node, shard))

    def open_in(self, number: int) -> list[str]:
        return [n for n, w in self.work.items() if w["shard"] == number and not w["done"]]

    def recover(self) -> None:
        """Workers had their time to say what they hold: what nobody named is lost."""
        due = [each for each in self.loaded if each[0] <= self.time.now]
        self.loaded = [each for each in self.loaded if each[0] > self.time.now]
        for _, node, shard in due:
            if not node.alive or node.shards.get(shard.number) is not shard:
                continue
            until = node.limits.now_us() + node.limits.doubt_us
            for name in self.open_in(shard.number):
                permit = PermitId(name, 0, 0, self.work[name]["attempt"])
                run = self.running.get(permit)
                claim = node.limits.claims.find(permit, self.key)
                if (run is None or run.by is not node) and claim is not None and claim.held:
                    if shard.settled:
                        node.limits.claims.give_back(permit, self.key)
                    else:
                        node.limits.claims.doubt(permit, self.key, until)
                    self.work[name]["attempt"] += 1
                    self.want(node, name)

    def forget(self, node: Node, number: int) -> None:
        shard = node.shards.pop(number)
        node.limits.forget(shard)
        for permit, run in self.running.items():
            if run.by is node and self.work[permit.execution_id]["shard"] == number:
                run.cancelled = True

    def move(self) -> None:
        """A coordinator gives a shard back, some with a word that nothing of it runs."""
        node = self.some_node()
        if node is not None and node.shards and node.holds():
            number = self.random.choice(list(node.shards))
            if self.random.random() < 0.7 and self.has_stopped(node, number):
                self.settled.add(number)
                self.settlings += 1
            self.forget(node, number)
            del self.leases[number]

    def has_stopped(self, node: Node, number: int) -> bool:
        """Have workers stop what they keep of a shard for its coordinator; True if it then knows
        that nothing runs."""
        shard = node.shards[number]
        is_read = all(each is not shard for _, _, each in self.loaded)
        if not is_read or not node.limits.may_be_settled(shard):
            return False
        for permit, run in list(self.running.items()):
            own = run.by is node and self.work[permit.execution_id]["shard"] == number
            if own and not run.cancelled:
                del self.running[permit]
        return not node.limits.claims.is_doubtful(number)

    def crash(self) -> None:
        node = self.some_node()
        if node is not None and sum(n.alive for n in self.nodes.values()) > 1:
            node.alive = False

    def some_node(self) -> Node | None:
        alive = [node for node in self.nodes.values() if node.alive]
        return self.random.choice(alive) if alive else None

    # Messages and time

    def deliver(self) -> None:
        """One message arrives, of some pair."""
        self.random.shuffle(self.greetings)
        if self.greetings and self.random.random() < 0.5:
            who, whom = self.greetings.pop()
            if self.nodes[whom].alive:
                self.nodes[whom].limits.greeted(who)
            return
        pairs = [
            (node, other, queue, asks)
            for node in self.nodes.values()
            for asks, queues in ((True, node.out), (False, node.back))
            for other, queue in queues.items()
            if queue and other in self.nodes and (node.name, other, asks) not in self.slow
        ]
        if not pairs:
            return
        node, other, queue, asks = self.random.choice(pairs)
        message = queue.popleft()
        there = self.nodes[other]
        if not there.alive:
            return
        if not asks:
            there.limits.hear_answer(message)
        elif isinstance(message, Sync):
            there.limits.hear_sync(node.name, message)
        else:
            there.limits.hear(message)

    def slow_down(self) -> None:
        """Nothing of a pair arrives for a while, in one direction."""
        if self.slow and self.random.random() < 0.5:
            self.slow.clear()
        elif len(self.nodes) > 1:
            one, other = self.random.sample(list(self.nodes), 2)
            self.slow.add((one, other, self.random.random() < 0.5))

    def break_stream(self) -> None:
        """A stream breaks with all that is on its way; the next one begins with everything."""
        node = self.some_node()
        if node is None or not node.out:
            return
        other = self.random.choice(list(node.out))
        node.out[other].clear()
        there = self.nodes[other]
        there.back.pop(node.name, None)
        if there.alive:
            node.sync(other, other)

    def turn(self) -> None:
        node = self.some_node()
        if node is not None:
            node.turn()

    def pass_time(self, seconds: float) -> None:
        """Workers stop what their coordinator does not keep, some of it sooner."""
        self.time.now += seconds
        self.recover()
        for permit, run in list(self.running.items()):
            beats = run.by.alive and run.by.holds() and not run.cancelled
            if beats:
                run.heard = self.time.now
            elif self.time.now - run.heard > FENCE_S or self.random.random() < 0.01:
                del self.running[permit]
                work = self.work[permit.execution_id]
                if not run.cancelled and run.by.alive and work["shard"] in run.by.shards:
                    self.hand_back(run.by, permit)

    def hand_back(self, node: Node, permit: PermitId) -> None:
        node.limits.claims.give_back(permit, self.key)
        work = self.work[permit.execution_id]
        if work["attempt"] == permit.attempt and not work["done"]:
            work["attempt"] += 1
            self.want(node, permit.execution_id)

    def go_on(self) -> None:
        """What was granted while a lease was in doubt goes on once it is renewed."""
        for name, work in self.work.items():
            if not work["granted"]:
                continue
            for node in self.nodes.values():
                permit = PermitId(name, 0, 0, work["attempt"])
                claim = node.limits.claims.find(permit, self.key)
                if node.alive and work["shard"] in node.shards and node.holds() and claim:
                    work["granted"] = False
                    if claim.held and permit not in self.running and not claim.until_us:
                        self.begin(node, permit)

    # The whole

    def step(self) -> None:
        actions = [
            (self.start, 8),
            (self.deliver, 40),
            (self.turn, 25),
            (self.finish, 8),
            (self.lose_worker, 2),
            (self.cancel, 4),
            (self.slow_down, 2),
            (self.break_stream, 2),
            (self.move, 3),
            (self.crash, 0.4),
            (lambda: self.renew(self.some_node() or next(iter(self.nodes.values()))), 6),
            (lambda: self.pass_time(self.random.choice([0.01, 0.1, 0.3, 1.0])), 10),
        ]
        if sum(node.alive for node in self.nodes.values()) < 3:
            actions.append((self.join, 1))
        doing = self.random.choices([a for a, _ in actions], [w for _, w in actions])[0]
        doing()
        self.go_on()
        self.check()

    def settle(self) -> None:
        """No more faults after a last one, the loss of all that runs, which nothing else follows:
        everything that was begun comes to its end."""
        self.slow.clear()
        for permit in list(self.running):
            self.lose(permit)
        for _ in range(400):
            for node in self.nodes.values():
                self.renew(node)
                if node.alive:
                    node.turn()
            for _ in range(60):
                self.deliver()
            self.go_on()
            self.finish()
            self.finish()
            self.check()
            self.pass_time(0.5)
            if all(work["done"] for work in self.work.values()) and not self.running:
                return

    def rest(self) -> None:
        """After a while without work."""
        for _ in range(60):
            for node in self.nodes.values():
                self.renew(node)
                if node.alive:
                    node.turn()
            for _ in range(40):
                self.deliver()
            self.pass_time(FENCE_S + MARGIN_S)
