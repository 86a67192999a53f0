// {{what}}

import type { ChatFilter } from 'realm:plugin/chat-filter@{{version}}';
import type { Lifecycle } from 'realm:plugin/lifecycle@{{version}}';
import { write } from 'realm:plugin/log@{{version}}';

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { capitals_max: 5 };

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

/** Asked about every line of chat. */
export const chatFilter: ChatFilter = {
  filter(line) {
    const runs = line.text.match(/\p{Lu}+/gu) ?? [];
    if (runs.some((run) => [...run].length > settings.capitals_max)) {
      write('info', `${line.accountName} shouts`);
      return { tag: 'block', val: 'Please do not shout.' };
    }
    return { tag: 'pass' };
  },
};
