// Every function that a realm offers to plugins, answered from memory.

globalThis.realm = {
  /** Lines written: `{ level, line }`. */
  log: [],
  /** What `clock` tells, in milliseconds since 1970. */
  nowMs: 1_700_000_000_000,
  /** What `random` gives, again and again. */
  dice: [4, 8, 15, 16, 23, 42],
  /** Counters and gauges by name. */
  metrics: new Map(),
  /** What `kv` keeps. */
  kv: new Map(),
  name: 'Test Realm',
  playersOnline: 0,
  /** Accounts and characters by key. */
  accounts: new Map(),
  characters: new Map(),
};

const { realm } = globalThis;

// log
export function write(level, line) {
  realm.log.push({ level, line });
}

// metrics: `set` is shared with kv, which takes bytes
export function add(counter, amount) {
  realm.metrics.set(counter, (realm.metrics.get(counter) ?? 0) + amount);
}

export function set(key, value) {
  (value instanceof Uint8Array ? realm.kv : realm.metrics).set(key, value);
}

// kv
export function get(key) {
  return realm.kv.get(key) ?? null;
}

export { remove as delete };
function remove(key) {
  realm.kv.delete(key);
}

export function listKeys(prefix, after) {
  return [...realm.kv.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
}

// clock
export function nowMs() {
  return realm.nowMs;
}

// random
export function getU64() {
  const next = realm.dice.shift();
  realm.dice.push(next);
  return next;
}

export function bytes(length) {
  return Uint8Array.from({ length }, () => getU64() & 0xff);
}

// realm-info
export function name() {
  return realm.name;
}

export function playersOnline() {
  return realm.playersOnline;
}

export function findAccount(id) {
  return realm.accounts.get(id) ?? null;
}

export function findCharacter(id) {
  return realm.characters.get(id) ?? null;
}
