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

test('the best of a season carries a title', () => {
  const standings = [9, 8].map((level, place) => ({ rank: place + 1, character: character(level, 0, 0), score: 0 }));
  assert.deepEqual(ladder.seasonEnd({ number: 2 }, standings), [{ standing: 0, title: 'Best of season 2' }]);
  assert.deepEqual(ladder.seasonEnd({ number: 3 }, []), []);
});
