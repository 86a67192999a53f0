import assert from 'node:assert/strict';
import test from 'node:test';

import { commands, lifecycle } from '../src/plugin.js';

const caller = { account: 1, accountName: 'Anna', role: 'player', nowMs: 0 };

test('a die has at least two sides', () => {
  lifecycle.init('{}');
  assert.equal(commands.listCommands()[0].name, 'roll');
  assert.match(commands.run(caller, 'roll', ['20'])[0].val.text, /^Anna throws a \d+, of 20\.$/);
  assert.throws(() => commands.run(caller, 'roll', ['1']), (error) => error.tag === 'usage');
});
