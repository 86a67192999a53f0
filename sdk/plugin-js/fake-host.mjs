// Lets a plugin run in Node, where no realm is: `node --import ./sdk/plugin-js/fake-host.mjs --test`.
//
// What the plugin imports from `realm:plugin/…` is answered by `fake-imports.mjs`; a test reads and sets it through
// `globalThis.realm`: `realm.log` holds the lines written, `realm.nowMs` is the time, `realm.dice` gives the numbers.

import { register } from 'node:module';

const fakes = new URL('./fake-imports.mjs', import.meta.url).href;
const hooks = `
export async function resolve(specifier, context, next) {
  return specifier.startsWith('realm:plugin/')
    ? { url: ${JSON.stringify(fakes)}, shortCircuit: true }
    : next(specifier, context);
}
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, import.meta.url);
