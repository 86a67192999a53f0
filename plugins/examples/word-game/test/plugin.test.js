import assert from 'node:assert/strict';
import test from 'node:test';

import { chatFilter, commands, lifecycle } from '../src/plugin.js';

const caller = { account: 7, accountName: 'Anna', role: 'player', nowMs: 0 };
const line = (text, target = 'Trade') => ({
  account: 8,
  accountName: 'Bob',
  destination: 'channel',
  target,
  text,
  nowMs: 0,
});

test('a round from its question to its score', () => {
  lifecycle.init('{}');
  const [{ tag, val }] = commands.run(caller, 'word', []);
  assert.equal(tag, 'say');
  assert.equal(val.channel, 'Trade');
  assert.throws(() => commands.run(caller, 'word', []), (error) => error.tag === 'refused');

  const word = String.fromCharCode(...lifecycle.saveState());
  assert.equal(chatFilter.filter(line('no idea')).tag, 'pass');
  assert.equal(chatFilter.filter(line(word, 'Lobby')).tag, 'pass', 'only in its channel');
  assert.match(chatFilter.filter(line(word)).val, /Rounds won: 1$/);
  assert.equal(chatFilter.filter(line(word)).tag, 'pass', 'the round is over');
  const [told] = commands.run({ ...caller, accountName: 'Bob' }, 'word-score', []);
  assert.equal(told.val.text, 'Bob has won 1 so far.');
});

test('a round goes on over a change of version', () => {
  lifecycle.loadState('0.0.9', Uint8Array.from('raven', (letter) => letter.charCodeAt(0)));
  assert.match(chatFilter.filter(line('raven?')).val, /that is the word/);
});
