"""The rule, which knows no realm: who repeats the last line within a while is an echo."""

from collections import OrderedDict

# Players that are remembered; who was not heard for the longest time is forgotten first.
PLAYERS_MAX = 2_000


class EchoGuard:
    def __init__(self, while_ms: int) -> None:
        self.while_ms = while_ms
        self._last: OrderedDict[int, tuple[str, int]] = OrderedDict()

    def is_echo(self, account: int, text: str, now_ms: int) -> bool:
        """Notes a line, and tells whether the same player has just said it."""
        said = " ".join(text.casefold().split())
        before = self._last.pop(account, None)
        self._last[account] = (said, now_ms)
        if len(self._last) > PLAYERS_MAX:
            self._last.popitem(last=False)
        return before is not None and before[0] == said and now_ms - before[1] < self.while_ms
