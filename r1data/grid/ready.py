"""What is done and what can be made next: the bookkeeping of the grid."""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from r1data.grid.build import Stage

ALL = "all"


class Place(NamedTuple):
    """A cell of the grid: stage by position, shard by name."""

    stage: int
    shard: str


class Ready:
    """Knows the shards of each stage, the digests of what is done, and the queue of each stage."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = list(stages)
        self.index = {stage.name: i for i, stage in enumerate(self.stages)}
        self.consumers = [
            [i for i, other in enumerate(self.stages) if stage.name in other.takes]
            for stage in self.stages
        ]
        self.shards: dict[int, tuple[str, ...]] = {}
        self.digests: dict[Place, str] = {}
        self.done: Counter[int] = Counter()
        self.queues: list[list[str]] = [[] for _ in self.stages]
        self.known: set[Place] = set()
        for i, stage in enumerate(self.stages):
            if not stage.takes:
                self.push(Place(i, ALL))

    def push(self, place: Place) -> None:
        """Queue a cell."""
        self.known.add(place)
        heapq.heappush(self.queues[place.stage], place.shard)

    def pop(self, may_run: Callable[[Place], bool]) -> Place | None:
        """Take the next cell that may run, later stages first, so that rows finish early."""
        for i in reversed(range(len(self.stages))):
            if self.queues[i] and may_run(Place(i, self.queues[i][0])):
                return Place(i, heapq.heappop(self.queues[i]))
        return None

    def finish(self, place: Place, digest: str) -> None:
        """Count a cell as done and queue what it was the last missing input of."""
        if place not in self.digests:
            self.done[place.stage] += 1
        self.digests[place] = digest
        for consumer in self.consumers[place.stage]:
            self.push_if_ready(consumer, place.shard)

    def finish_gather(self, stage: int, digests: dict[str, str]) -> None:
        """The same for a gather stage, each of whose shards is an input of its own."""
        self.adopt(stage, tuple(digests))
        for shard, digest in digests.items():
            self.finish(Place(stage, shard), digest)

    def adopt(self, source: int, names: tuple[str, ...]) -> None:
        """Give the shard names of a gather stage to every stage that follows it shard by shard."""
        self.shards[source] = names
        name = self.stages[source].name
        for i, stage in enumerate(self.stages):
            if not stage.gather and stage.takes and stage.takes[0] == name:
                self.adopt(i, names)

    def push_if_ready(self, consumer: int, shard: str) -> None:
        """Queue a cell once, when the last of its inputs has come."""
        stage = self.stages[consumer]
        inputs = [self.index[name] for name in stage.takes]
        if stage.gather:
            place = Place(consumer, ALL)
            complete = all(s in self.shards and self.done[s] == len(self.shards[s]) for s in inputs)
        else:
            place = Place(consumer, shard)
            complete = all(Place(source, shard) in self.digests for source in inputs)
        if complete and place not in self.known:
            self.push(place)

    def forget(self, place: Place) -> None:
        """Count a cell as not done: its shard turned out to be damaged."""
        if self.digests.pop(place, None) is not None:
            self.done[place.stage] -= 1

    def retract(self, place: Place) -> None:
        """Let a cell be queued again when its inputs come."""
        self.known.discard(place)
