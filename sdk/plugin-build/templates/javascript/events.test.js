import assert from 'node:assert/strict';
import test from 'node:test';

import { events, lifecycle } from '../src/plugin.js';

const event = (level) => ({
  atMs: 0,
  who: { account: 1, accountName: 'Anna', character: 2, characterName: 'Aldora', level },
  what: { tag: 'level-up', val: level },
});

test('every tenth level is told', () => {
  lifecycle.init('{}');
  const told = events.handle([event(9), event(10), event(11)]);
  assert.deepEqual(told, [{ tag: 'announce', val: { text: 'Aldora has reached level 10.' } }]);
});
