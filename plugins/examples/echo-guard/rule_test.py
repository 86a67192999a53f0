import unittest

from rule import PLAYERS_MAX, EchoGuard


class EchoGuardTest(unittest.TestCase):
    def test_only_the_same_words_of_the_same_player_are_an_echo(self) -> None:
        guard = EchoGuard(1_000)
        self.assertFalse(guard.is_echo(1, "Buy my shield", 0))
        self.assertFalse(guard.is_echo(2, "Buy my shield", 1))
        self.assertTrue(guard.is_echo(1, "buy  MY shield", 2))
        self.assertFalse(guard.is_echo(1, "please", 3))
        self.assertFalse(guard.is_echo(1, "please", 1_003))

    def test_a_crowd_fills_no_memory(self) -> None:
        guard = EchoGuard(1_000)
        for account in range(PLAYERS_MAX + 1):
            guard.is_echo(account, "hello", 0)
        self.assertFalse(guard.is_echo(0, "hello", 1))
        self.assertTrue(guard.is_echo(PLAYERS_MAX, "hello", 1))


if __name__ == "__main__":
    unittest.main()
