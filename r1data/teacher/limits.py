"""How much a lane may be asked at once: a window that grows while the server takes it.

Pure bookkeeping: the time comes in as an argument, in seconds of any monotonic clock.
"""

import heapq
from dataclasses import dataclass, field

# What a change did is seen after a round trip, so a tick is as long as one: with half a second for
# all, 0.19 were refused for each accepted at 2 s and 150 a second, and now 0.06 (simulated).
TICK_S, MOST_TICK_S = 0.5, 5.0
# The window opens at this size and doubles each round trip until the first refusal.
OPENING = 32
# Each tick without refusals adds 2% more growth than the last one had: a window that was cut too
# far is back in ten seconds, one that hovers at the limit grows by 2% at a time.
GROWTH, MOST_GROWTH = 0.02, 0.3
# Up to this share of refusals half of it is cut, so that growth and cuts meet at 4% refused; above
# it the whole, up to half the window.
MILD_SHARE, MOST_CUT = 0.2, 0.5
# So few refusals at a window this small have little to do with how much is sent: some servers
# refuse at random, and a window that answered each of those with a cut would close.
FLOOR, FLOOR_SHARE = 16.0, 0.1
# A lane that was ever refused is sent its window evenly over a round trip, a tenth faster than the
# mean: answers come home in bursts, and bursts meet a 429 where the same rate would not.
PACE, BURST_S = 1.1, 0.05
# More than this share of failures among what ends in a tick stops growth.
FAILING_SHARE = 0.25
# A refused request keeps its place for so long: the next one would only meet the same 429.
HOLD_S = 0.5
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 15.0
# A reply that came and was no good says nothing of load: waiting long would only stretch the tail.
BACKOFF_REPLY_S = 2.0


@dataclass
class Window:
    """At most `size` requests of one lane at once, never above `most`.

    Only a 429 shrinks it, once a tick, by the share that was refused; failures only stop growth. Of
    another `kind` than adaptive it stays as it is set: "fixed" at `most`, "metrics" by its server.
    `answers` counts those of one run.
    """

    most: int
    kind: str = "adaptive"
    size: float = 0.0
    opening: bool = True
    since: float = 0.0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    clean: int = 0
    saturated: bool = False
    saturated_before: bool = False
    holds: list[float] = field(default_factory=list)
    round_trip: float = 0.0
    allowance: float = 1.0
    allowed_at: float = 0.0
    answers: int = 0

    def __post_init__(self) -> None:
        opening = self.most if self.kind == "fixed" else min(self.most, OPENING)
        self.size = self.size or float(opening)
        self.opening = self.opening and self.kind == "adaptive"

    def room(self, in_flight: int, now: float) -> bool:
        """Tell whether one more may be sent, and remember where the answer was no."""
        while self.holds and self.holds[0] <= now:
            heapq.heappop(self.holds)
        free = in_flight + len(self.holds) < int(self.size) and self.paced(now)
        # the pace counts, too: it follows the size, and would else keep it small for ever
        self.saturated = self.saturated or not free
        return free

    def paced(self, now: float) -> bool:
        """Tell whether the pace allows one more; there is none before the first refusal."""
        if self.opening or not self.round_trip or self.kind != "adaptive":
            return True
        pace = PACE * self.size / self.round_trip
        gained = (now - self.allowed_at) * pace
        self.allowance = min(max(1.0, pace * BURST_S), self.allowance + gained)
        self.allowed_at = now
        return self.allowance >= 1

    def take_sent(self) -> None:
        """A request is on its way."""
        self.allowance -= 1

    def take_answered(self) -> None:
        """A request got a text: the lane takes what it is sent."""
        self.answers += 1

    def take_accepted(self, in_flight: int, now: float, seconds: float) -> None:
        """A request was answered after `seconds`."""
        self.accepted += 1
        self.round_trip += (seconds - self.round_trip) / (10 if self.round_trip else 1)
        if self.opening and (self.saturated or self.saturated_before):
            self.size = min(self.most, self.size + 1)
        self.tick(in_flight, now)

    def take_refused(self, in_flight: int, now: float, wait: float) -> None:
        """A request met a 429 that is to be asked again in `wait` seconds."""
        self.refused += 1
        self.opening = False
        heapq.heappush(self.holds, now + min(wait, HOLD_S))
        self.tick(in_flight, now)

    def take_failed(self, in_flight: int, now: float) -> None:
        """A request met a 5xx or lost its connection."""
        self.failed += 1
        self.tick(in_flight, now)

    def tick(self, in_flight: int, now: float) -> None:
        """Once a tick: cut by what was refused, or grow where all room was used."""
        tick = min(MOST_TICK_S, max(TICK_S, self.round_trip))
        if now - self.since < tick or self.kind != "adaptive":
            return
        ended = self.refused + self.accepted + self.failed
        share = self.refused / (ended + in_flight) if self.refused else 0.0
        healthy = self.failed <= FAILING_SHARE * ended
        self.clean = 0 if self.refused else self.clean + 1
        growth = min(MOST_GROWTH, GROWTH * max(1, self.clean))
        if not self.saturated or not healthy or self.opening:
            growth = 0.0
        self.size = min(float(self.most), max(self.least(share), self.size * (1 + growth)))
        if share:
            cut = min(MOST_CUT, share if share > MILD_SHARE else share / 2)
            self.size = max(self.least(share), self.size * (1 - cut))
        self.since = now
        self.accepted = self.refused = self.failed = 0
        self.saturated_before, self.saturated = self.saturated, False

    def least(self, share: float) -> float:
        """Return how far the window may shrink when this share was refused."""
        return min(self.size, FLOOR) if share <= FLOOR_SHARE else 1.0


def backoff(tries: int, jitter: float, most: float = BACKOFF_MOST_S) -> float:
    """Return the seconds before try number `tries` + 1: doubling up to `most`; `jitter` in 0..1."""
    return min(most, BACKOFF_FIRST_S * 2 ** min(tries - 1, 16)) * (0.5 + 0.5 * jitter)
