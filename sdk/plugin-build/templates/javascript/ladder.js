// {{what}}

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { level_least: 2 };

const SCORE_MAX = (1n << 63n) - 1n;

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

/** Asked about characters that were stored. */
export const ladder = {
  eligible(character) {
    return character.level < settings.level_least
      ? { tag: 'not-eligible', val: `The ladder begins at level ${settings.level_least}.` }
      : { tag: 'eligible' };
  },
  score(character) {
    return character.experience;
  },
  tieBreak(character) {
    // Who needed less time stands higher.
    return SCORE_MAX - character.playTimeMs;
  },
  seasonEnd(season, standings) {
    const first = standings.filter((standing) => standing.rank === 1);
    return first.map((standing) => ({ character: standing.character.id, title: `Best of season ${season.number}` }));
  },
};
