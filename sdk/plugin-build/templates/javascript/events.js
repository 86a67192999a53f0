// {{what}}

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { levels: 10 };

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

/** Hears what has happened. */
export const events = {
  interests() {
    return { levelUp: true };
  },
  handle(batch) {
    // An answer holds at most 32 effects.
    return batch
      .filter(({ what }) => what.tag === 'level-up' && what.val % settings.levels === 0)
      .slice(0, 32)
      .map(({ who, what }) => ({
        tag: 'announce',
        val: { text: `${who.characterName} has reached level ${what.val}.` },
      }));
  },
};
