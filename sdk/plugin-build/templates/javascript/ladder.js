// {{what}}

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { level_least: 2 };

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
    return Math.max(0, character.experience);
  },
  tieBreak(character) {
    // Who needed less time stands higher.
    return Math.max(0, Number.MAX_SAFE_INTEGER - character.playTimeMs);
  },
  seasonEnd(season, standings) {
    // An award names one of the standings by its place in the list.
    return standings.slice(0, 1).map(() => ({ standing: 0, title: `Best of season ${season.number}` }));
  },
};
