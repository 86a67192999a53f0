import assert from 'node:assert/strict';
import test from 'node:test';

import { ladder, lifecycle } from '../src/plugin.js';

const character = (level, experience, playTimeMs) => ({ id: 1, class: 'Paladin', level, experience, playTimeMs });

test('experience counts and then time', () => {
  lifecycle.init('{}');
  assert.equal(ladder.eligible(character(1, 0, 0)).tag, 'not-eligible');
  assert.ok(ladder.score(character(9, 200, 0)) > ladder.score(character(9, 100, 0)));
  assert.ok(ladder.tieBreak(character(9, 100, 5)) > ladder.tieBreak(character(9, 100, 6)));
});
