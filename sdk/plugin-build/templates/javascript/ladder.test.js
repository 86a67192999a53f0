import assert from 'node:assert/strict';
import test from 'node:test';

import { ladder, lifecycle } from '../src/plugin.js';

const character = (level, experience, playTimeMs) => ({ id: 1n, class: 'Paladin', level, experience, playTimeMs });

test('experience counts and then time', () => {
  lifecycle.init('{}');
  assert.equal(ladder.eligible(character(1, 0n, 0n)).tag, 'not-eligible');
  assert.ok(ladder.score(character(9, 200n, 0n)) > ladder.score(character(9, 100n, 0n)));
  assert.ok(ladder.tieBreak(character(9, 100n, 5n)) > ladder.tieBreak(character(9, 100n, 6n)));
});
