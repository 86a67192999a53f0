// {{what}}

import type { Lifecycle } from 'realm:plugin/lifecycle@{{version}}';
import type { Difficulty, Match, Matchmaking } from 'realm:plugin/matchmaking@{{version}}';

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { levels_apart_max: 20, match_players: 4 };

/** What the realm calls around the life of this plugin. */
export const lifecycle: Lifecycle = {
  init(configuration) {
    settings = { ...settings, ...JSON.parse(configuration) };
  },
  saveState() {
    return new Uint8Array();
  },
  loadState() {},
  shutdown() {},
};

/** Asked who may join, in what order games are shown, and who of those who wait plays together. */
export const matchmaking: Matchmaking = {
  admit(player, game) {
    return Math.abs(player.level - game.creatorLevel) > settings.levels_apart_max
      ? { tag: 'refuse', val: 'This game is for players of another level.' }
      : { tag: 'admit' };
  },
  order(player, games) {
    const apart = (place: number) => Math.abs(player.level - games[place].creatorLevel);
    const nearer = (one: number, other: number) =>
      apart(one) - apart(other) || games[other].createdMs - games[one].createdMs;
    return [...games.keys()].sort(nearer);
  },
  form(tickets) {
    const matches: Match[] = [];
    const difficulties: Difficulty[] = ['normal', 'nightmare', 'hell'];
    for (const difficulty of difficulties) {
      const waiting = [...tickets.keys()].filter((place) => tickets[place].difficulty === difficulty);
      while (waiting.length >= settings.match_players) {
        matches.push({ tickets: waiting.splice(0, settings.match_players), difficulty });
      }
    }
    return matches;
  },
};
