// {{what}}

import type { Argument, CommandError, Commands } from 'realm:plugin/commands@{{version}}';
import type { Lifecycle } from 'realm:plugin/lifecycle@{{version}}';
import { bytes } from 'realm:plugin/random@{{version}}';

/** `[plugins.configuration.{{name}}]` in `realm.toml`. */
let settings = { sides_max: 1000 };

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

/** Asked for the slash commands of this plugin, and to carry them out. */
export const commands: Commands = {
  listCommands() {
    const sides: Argument = {
      name: 'sides',
      kind: 'number',
      required: false,
      help: 'How many sides the die has; 6 when nothing is said.',
    };
    return [{ name: 'roll', help: 'Throws a die.', arguments: [sides] }];
  },
  run(caller, _name, [sides = '6']) {
    const count = Number(sides);
    if (!Number.isInteger(count) || count < 2 || count > settings.sides_max) {
      const wrong: CommandError = { tag: 'usage', val: 'Write /roll, or /roll 20 for a die of 20 sides.' };
      throw wrong;
    }
    const [high, low] = bytes(2);
    const thrown = ((high * 256 + low) % count) + 1;
    return [{ tag: 'announce', val: { text: `${caller.accountName} throws a ${thrown}, of ${count}.` } }];
  },
};
