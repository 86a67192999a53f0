"""What the realm calls: the rule of `rule.py` as a plugin."""

import json

from componentize_py_types import Err
from rule import EchoGuard
from wit_world import exports
from wit_world.exports.chat_filter import Line, Verdict, Verdict_Block, Verdict_Pass
from wit_world.exports.lifecycle import InitError_Configuration, StateError_VersionUnknown
from wit_world.imports import log

guard = EchoGuard(10_000)


class Lifecycle(exports.Lifecycle):
    def init(self, configuration: str) -> None:
        global guard
        while_ms = json.loads(configuration).get("while_ms", 10_000)
        if not isinstance(while_ms, int) or while_ms < 0:
            raise Err(InitError_Configuration("`while_ms` is a number of milliseconds"))
        guard = EchoGuard(while_ms)

    def save_state(self) -> bytes:
        # What was just said may be said once more after a change of version.
        return b""

    def load_state(self, written_by: str, state: bytes) -> None:
        if state:
            raise Err(StateError_VersionUnknown())

    def shutdown(self) -> None:
        pass


class ChatFilter(exports.ChatFilter):
    def filter(self, line: Line) -> Verdict:
        if guard.is_echo(line.account, line.text, line.now_ms):
            log.write(log.Level.INFO, f"{line.account_name} repeats a line")
            return Verdict_Block("You have just said that.")
        return Verdict_Pass()
