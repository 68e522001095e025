"""What is done and what can be made next: the bookkeeping of the grid."""

import heapq
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from r1data.grid.build import Stage
from r1data.grid.parts import ALL, Part
from r1data.grid.shards import digest_of
from r1data.schema import load_schema


class Place(NamedTuple):
    """A cell of the grid: stage by position, shard by name."""

    stage: int
    shard: str


class Ready:
    """Knows the shards of each stage, the digests of what is done, and the queue of each stage.

    One part of a build knows its own shards only, but part 0, who gathers, knows all.
    """

    def __init__(self, stages: Sequence[Stage], part: Part | None = None) -> None:
        self.stages = list(stages)
        self.part = part
        self.index = {stage.name: i for i, stage in enumerate(self.stages)}
        self.consumers = [
            [i for i, other in enumerate(self.stages) if stage.name in other.takes]
            for stage in self.stages
        ]
        self.asked = [asked_of(stage) for stage in self.stages]
        self.lineages: list[str] = []
        for i, stage in enumerate(self.stages):
            before = [self.lineages[self.index[name]] for name in stage.takes]
            self.lineages.append(digest_of([self.asked[i], before]))
        self.shards: dict[int, tuple[str, ...]] = {}
        self.digests: list[dict[str, bytes]] = [{} for _ in self.stages]
        self.queues: list[list[str]] = [[] for _ in self.stages]
        self.known: list[set[str]] = [set() for _ in self.stages]
        for i, stage in enumerate(self.stages):
            if not stage.takes:
                self.push(Place(i, ALL))

    def push(self, place: Place) -> None:
        """Queue a cell."""
        self.known[place.stage].add(place.shard)
        heapq.heappush(self.queues[place.stage], place.shard)

    def pop(self, may_run: Callable[[Place], bool]) -> Place | None:
        """Take the next cell that may run, later stages first, so that rows finish early."""
        for i in reversed(range(len(self.stages))):
            if self.queues[i] and may_run(Place(i, self.queues[i][0])):
                return Place(i, heapq.heappop(self.queues[i]))
        return None

    def digest(self, stage: int, shard: str) -> str:
        """Return the digest of a cell that is done."""
        return self.digests[stage][shard].hex()

    def finish(self, place: Place, digest: str) -> None:
        """Count a cell as done and queue what it was the last missing input of."""
        self.digests[place.stage][place.shard] = bytes.fromhex(digest)
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
            complete = self.is_wanted(consumer) and all(self.is_whole(each) for each in inputs)
        else:
            place = Place(consumer, shard)
            complete = all(shard in self.digests[source] for source in inputs)
        if complete and place.shard not in self.known[consumer]:
            self.push(place)

    def is_whole(self, stage: int) -> bool:
        """Tell whether all shards of a stage are done, as far as they are this part's business."""
        return stage in self.shards and len(self.digests[stage]) == len(self.shards[stage])

    def is_wanted(self, stage: int) -> bool:
        """Tell whether a gather stage is this part's to make, or to wait for."""
        return self.part is None or self.part.number == 0 or self.consumers[stage] != []

    def forget(self, place: Place) -> None:
        """Count a cell as not done: its shard turned out to be damaged."""
        self.digests[place.stage].pop(place.shard, None)

    def retract(self, place: Place) -> None:
        """Let a cell be queued again when its inputs come."""
        self.known[place.stage].discard(place.shard)

    def done(self, stage: int) -> int:
        """Return how many shards of a stage are done."""
        return len(self.digests[stage])


def asked_of(stage: Stage) -> dict[str, Any]:
    """Return what of a stage can change its cells."""
    return {
        "stage": stage.name,
        "version": stage.version,
        "options": stage.options,
        "schema": load_schema(stage.gives) if stage.gives else {},
        "texts": stage.texts,
    }
