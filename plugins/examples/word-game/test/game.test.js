import assert from 'node:assert/strict';
import test from 'node:test';

import { WORDS, WordGame } from '../src/game.js';

test('every scrambled word has the letters of its word in another order', () => {
  for (let word = 0; word < WORDS.length; word += 1) {
    for (let seed = 0; seed < 7; seed += 1) {
      let first = true;
      const game = new WordGame((sides) => {
        const number = first ? word : seed % sides;
        first = false;
        return number;
      });
      const shown = game.begin().replaceAll(' ', '').toLowerCase();
      assert.notEqual(shown, game.word);
      assert.deepEqual([...shown].sort(), [...game.word].sort());
    }
  }
});

test('the word ends the round, once, wherever it stands in the line', () => {
  const game = new WordGame(() => 0, 'torch');
  assert.ok(!game.guess('a torchlight?'));
  assert.ok(game.guess('Is it: TORCH!'));
  assert.ok(!game.running && !game.guess('torch'));
});
