// {{what}}

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { levels_apart_max: 20, match_players: 4 };

const apart = (player, game) => Math.abs(player.level - game.creatorLevel);

/** What the realm calls around the life of this plugin. */
export const lifecycle = {
  init(configuration) {
    settings = { ...settings, ...JSON.parse(configuration) };
  },
  saveState() {
    return new Uint8Array();
  },
  loadState() {},
  shutdown() {},
};

/** Asked about games and those who look for them. */
export const matchmaking = {
  admit(player, game) {
    return apart(player, game) > settings.levels_apart_max
      ? { tag: 'refuse', val: 'This game is for players of another level.' }
      : { tag: 'admit' };
  },
  order(player, games) {
    const best = [...games].sort((one, other) => apart(player, one) - apart(player, other));
    return BigUint64Array.from(best, (game) => game.id);
  },
  form(tickets) {
    const matches = [];
    for (const difficulty of ['normal', 'nightmare', 'hell']) {
      const waiting = tickets.filter((ticket) => ticket.difficulty === difficulty).map((ticket) => ticket.id);
      while (waiting.length >= settings.match_players) {
        matches.push({ tickets: BigUint64Array.from(waiting.splice(0, settings.match_players)), difficulty });
      }
    }
    return matches;
  },
};
