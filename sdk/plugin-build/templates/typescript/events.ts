// {{what}}

import type { Effect } from 'realm:plugin/effects@{{version}}';
import type { Events } from 'realm:plugin/events@{{version}}';
import type { Lifecycle } from 'realm:plugin/lifecycle@{{version}}';

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { levels: 10 };

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

/** Hears what has happened. */
export const events: Events = {
  interests() {
    return { levelUp: true };
  },
  handle(batch) {
    const told: Effect[] = [];
    for (const { who, what } of batch) {
      if (what.tag === 'level-up' && what.val % settings.levels === 0) {
        told.push({ tag: 'announce', val: { text: `${who.characterName} has reached level ${what.val}.` } });
      }
    }
    // An answer holds at most 32 effects.
    return told.slice(0, 32);
  },
};
