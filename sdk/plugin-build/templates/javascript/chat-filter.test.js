import assert from 'node:assert/strict';
import test from 'node:test';

import { chatFilter, lifecycle } from '../src/plugin.js';

const line = (text) => ({
  account: 1,
  accountName: 'Anna',
  destination: 'channel',
  target: 'Lobby',
  text,
  nowMs: 0,
});

test('who shouts is not heard', () => {
  lifecycle.init('{}');
  assert.deepEqual(chatFilter.filter(line('GG well played')), { tag: 'pass' });
  assert.equal(chatFilter.filter(line('GIVE ME GOLD NOW OR ELSEEEE')).tag, 'block');
});
