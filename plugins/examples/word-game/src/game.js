// The game itself: knows no realm, so that a test needs none.

export const WORDS = [
  'amulet', 'anvil', 'arrow', 'barrow', 'cavern', 'cellar', 'crypt', 'dagger', 'ember', 'falcon', 'gauntlet', 'goblin',
  'hammer', 'harbour', 'helmet', 'javelin', 'lantern', 'market', 'merchant', 'orchard', 'potion', 'quiver', 'raven',
  'scroll', 'shield', 'stable', 'tavern', 'torch', 'tower', 'wagon',
];

/** One game in one channel. `roll(n)` gives a number from 0 to n - 1. */
export class WordGame {
  constructor(roll, word = '') {
    this.roll = roll;
    /** The word to be guessed; empty when nobody plays. */
    this.word = word;
  }

  get running() {
    return this.word !== '';
  }

  /** Begins a round; gives the scrambled word. */
  begin() {
    this.word = WORDS[this.roll(WORDS.length)];
    return this.scrambled();
  }

  /** The letters of the word in another order. */
  scrambled() {
    const letters = [...this.word];
    for (let last = letters.length - 1; last > 0; last -= 1) {
      const other = this.roll(last + 1);
      [letters[last], letters[other]] = [letters[other], letters[last]];
    }
    // A word that came out as itself is turned by a letter.
    if (letters.join('') === this.word) letters.push(letters.shift());
    return letters.join(' ').toUpperCase();
  }

  /** Is the word said in this line? Then the round is over. */
  guess(line) {
    if (!this.running) return false;
    const said = line.toLowerCase().match(/\p{L}+/gu) ?? [];
    if (!said.includes(this.word)) return false;
    this.word = '';
    return true;
  }
}
