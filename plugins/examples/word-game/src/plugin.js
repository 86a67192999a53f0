// A word game for the trade channel: `/word` begins a round, and who first says the scrambled word wins it.
//
// A worked example of a plugin with several hooks: the command starts a round, the chat filter listens for the word, scores are
// kept by the realm (`kv`), and a round goes on over a change of version (`saveState`, `loadState`).

import * as kv from 'realm:plugin/kv@0.1.0';
import { write } from 'realm:plugin/log@0.1.0';
import { bytes as dice } from 'realm:plugin/random@0.1.0';

import { WordGame } from './game.js';

/** `[plugins.configuration.word-game]` in `realm.toml`. */
let settings = { channel: 'Trade' };

const roll = (sides) => {
  const [high, low] = dice(2);
  return (high * 256 + low) % sides;
};
let game = new WordGame(roll);

const text = (bytes) => String.fromCharCode(...bytes);
const bytes = (letters) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));

/** Notes that somebody has won once more; gives how often. People are known by name: a key is too large for a number here. */
function won(accountName) {
  const key = `won/${accountName}`;
  const before = kv.get(key);
  const count = (before === null ? 0 : Number(text(before))) + 1;
  kv.set(key, bytes(String(count)));
  return count;
}

/** What the realm calls around the life of this plugin. */
export const lifecycle = {
  init(configuration) {
    settings = { ...settings, ...JSON.parse(configuration) };
  },
  saveState() {
    return bytes(game.word);
  },
  loadState(_writtenBy, state) {
    game = new WordGame(roll, text(state));
  },
  shutdown() {},
};

/** Asked about every line of chat. */
export const chatFilter = {
  filter(line) {
    const here = line.destination === 'channel' && line.target === settings.channel;
    if (!here || !game.guess(line.text)) return { tag: 'pass' };
    const count = won(line.accountName);
    write('info', `${line.accountName} has won, for the ${count}. time`);
    return { tag: 'replace', val: `${line.text.slice(0, 180)} - and that is the word! Rounds won: ${count}` };
  },
};

/** Asked for the slash commands of this plugin, and to carry them out. */
export const commands = {
  listCommands() {
    return [
      { name: 'word', help: `Begins a round of the word game in ${settings.channel}.`, arguments: [] },
      { name: 'word-score', help: 'Tells everybody how many rounds you have won.', arguments: [] },
    ];
  },
  run(caller, name) {
    if (name === 'word-score') {
      const count = kv.get(`won/${caller.accountName}`);
      const told = count === null ? 'no round yet' : `${text(count)} so far`;
      return [{ tag: 'say', val: { channel: settings.channel, text: `${caller.accountName} has won ${told}.` } }];
    }
    if (game.running) throw { tag: 'refused', val: `There is a word to find already: ${game.scrambled()}` };
    const say = { channel: settings.channel, text: `${caller.accountName} asks: which word is ${game.begin()}?` };
    return [{ tag: 'say', val: say }];
  },
};
