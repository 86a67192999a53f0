import assert from 'node:assert/strict';
import test from 'node:test';

import { lifecycle, matchmaking } from '../src/plugin.js';

const player = { account: 1n, character: 2n, class: 'Druid', level: 10, hardcore: false };
const game = (id, creatorLevel) => ({ id, creatorLevel, difficulty: 'normal', createdMs: id });

test('players find games of their level', () => {
  lifecycle.init('{}');
  assert.equal(matchmaking.admit(player, game(1n, 30)).tag, 'admit');
  assert.equal(matchmaking.admit(player, game(1n, 31)).tag, 'refuse');
  assert.deepEqual([...matchmaking.order(player, [game(1n, 40), game(2n, 11), game(3n, 10)])], [3n, 2n, 1n]);
});
