import assert from 'node:assert/strict';
import test from 'node:test';

import { lifecycle, matchmaking } from '../src/plugin.js';

const player = (level) => ({ account: 1, character: 2, class: 'Druid', level, hardcore: false });
const game = (creatorLevel) => ({ id: 1, difficulty: 'normal', players: 1, playersMax: 8, creatorLevel, createdMs: 1 });

test('players find games of their level', () => {
  lifecycle.init('{}');
  assert.equal(matchmaking.admit(player(10), game(30)).tag, 'admit');
  assert.equal(matchmaking.admit(player(10), game(31)).tag, 'refuse');
  assert.deepEqual(matchmaking.order(player(10), [game(40), game(11), game(10)]), [2, 1, 0]);
});

test('four who wait make a match', () => {
  const ticket = (id) => ({ id, player: player(5), difficulty: 'normal', waitedMs: 0 });
  assert.deepEqual(matchmaking.form([1, 2, 3].map(ticket), 0), []);
  assert.deepEqual(matchmaking.form([1, 2, 3, 4, 5].map(ticket), 0), [{ tickets: [0, 1, 2, 3], difficulty: 'normal' }]);
});
