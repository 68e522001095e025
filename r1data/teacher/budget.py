"""The budget: reserved before a request is sent, settled with the usage the server reports."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from r1data.errors import BudgetSpent, UsageError
from r1data.teacher.faults import Usage

# Qwen's vision tower gives one token for 28 x 28 pixels, and two special ones around a picture.
PATCH = 28
PICTURE_EXTRA = 2
# UTF-8 bytes a token at the dense end: English has 4, Chinese and digits come near 2.
BYTES_PER_TOKEN = 2
CHAT_TEMPLATE_TOKENS = 32


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens."""

    input: float
    output: float

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


def read_prices(settings: Mapping[str, Any]) -> Prices | None:
    """Read settings["prices"]; raises UsageError where half of it is missing."""
    prices = settings.get("prices")
    if prices is None:
        return None
    missing = [side for side in ("input", "output") if prices.get(side) is None]
    if missing:
        raise UsageError(f"the recipe lacks teacher.prices.{missing[0]} (US dollars for 1M tokens)")
    return Prices(float(prices["input"]), float(prices["output"]))


def estimate_input(text: str, sizes: tuple[tuple[int, int], ...]) -> int:
    """Return how many tokens a request may take in, on the high side; sizes in pixels."""
    pictures = sum(
        math.ceil(width / PATCH) * math.ceil(height / PATCH) + PICTURE_EXTRA
        for width, height in sizes
    )
    words = math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)
    return pictures + words + CHAT_TEMPLATE_TOKENS


@dataclass
class Budget:
    """What may be spent, what is spent, and what the requests in flight may still cost.

    `cap` and `spent` are in `unit`: "usd" or "tokens". `factor` is the most by which a reported
    input exceeded its estimate, since servers count pictures each in their own way. `elsewhere` is
    what other cells have put aside, `untold` what they have not been told was spent.
    """

    unit: str
    cap: float
    prices: Prices | None
    spent: float = 0.0
    reserved: float = 0.0
    factor: float = 1.0
    seen: bool = False
    held: dict[int, float] = field(default_factory=dict)
    elsewhere: float = 0.0
    untold: float = 0.0

    def worth(self, tokens_in: int, tokens_out: int) -> float:
        """Return what these tokens cost in the budget's unit."""
        if self.unit == "tokens":
            return tokens_in + tokens_out
        assert self.prices is not None
        return self.prices.cost(tokens_in, tokens_out)

    def reserve(self, ticket: int, estimate: int, max_tokens: int) -> bool:
        """Put aside what a request may cost; False where that must wait for others to settle.

        Raises BudgetSpent where nothing is in flight and the request still does not fit.
        The first request goes alone: its usage shows how this server counts pictures.
        """
        cost = self.worth(math.ceil(estimate * self.factor), max_tokens)
        taken = self.spent + self.reserved + self.elsewhere
        if self.waits() or ((self.held or self.elsewhere) and taken + cost > self.cap):
            return False
        if self.spent + cost > self.cap:
            raise BudgetSpent(self.told(cost))
        self.hold(ticket, estimate, max_tokens)
        return True

    def waits(self) -> bool:
        """Tell whether the first requests must come home before any other is sent."""
        return bool(self.held or self.elsewhere) and not self.seen

    def affords(self, estimate: int, max_tokens: int) -> bool:
        """Tell whether requests of these sums fit beside everything that is in flight."""
        cost = self.worth(math.ceil(estimate * self.factor), max_tokens)
        return self.spent + self.reserved + self.elsewhere + cost <= self.cap

    def hold(self, ticket: int, estimate: int, max_tokens: int) -> None:
        """Put aside what requests that are already sent may cost."""
        self.held[ticket] = self.worth(math.ceil(estimate * self.factor), max_tokens)
        self.reserved += self.held[ticket]

    def settle(self, ticket: int, estimate: int, usage: Usage) -> None:
        """Replace a reservation by what the request cost; a request without usage costs nothing."""
        self.reserved -= self.held.pop(ticket, 0.0)
        if not self.held:
            self.reserved = 0.0  # what rounding left over would grow with every request
        cost = self.worth(usage.tokens_in or 0, usage.tokens_out or 0)
        self.spent += cost
        self.untold += cost
        if usage.tokens_in is not None:
            self.seen = True
        if usage.tokens_in is not None and usage.told:
            self.factor = max(self.factor, usage.tokens_in / max(1, estimate))

    def told(self, cost: float) -> str:
        """Say in one line where the money went and how to go on."""
        form = "{:.4f} USD" if self.unit == "usd" else "{:.0f} tokens"
        spent, cap, following = (form.format(value) for value in (self.spent, self.cap, cost))
        return (
            f"the budget is spent: {spent} of {cap}, and the next request may cost {following}; "
            f"every answer is kept: raise run.budget.{self.unit} and run the same command again"
        )


def read_budget(settings: Mapping[str, Any], prices: Prices | None) -> Budget | None:
    """Read settings["budget"]; what is spent is not known yet."""
    given = settings.get("budget")
    if not given:
        return None
    if given.get("usd") is not None:
        if prices is None:
            raise UsageError(
                "run.budget.usd needs the price of the model: add teacher.prices: "
                "{input: ..., output: ...}, in US dollars for 1M tokens"
            )
        return Budget("usd", float(given["usd"]), prices)
    if given.get("tokens") is not None:
        return Budget("tokens", float(given["tokens"]), prices)
    raise UsageError("run.budget must be {usd: ...} or {tokens: ...}")
