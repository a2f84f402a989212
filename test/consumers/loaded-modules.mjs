// Imports one entry of the package, as a consumer does, and prints as JSON what that loaded: the packages that our
// own modules import, and all packages that were loaded in the end, ES modules and CommonJS.
import { createRequire, register } from 'node:module';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

const [entry] = process.argv.slice(2);
const { port1: here, port2: there } = new MessageChannel();
register('./loaded-modules.hooks.mjs', import.meta.url, { data: { port: there }, transferList: [there] });
await import(entry);

const imports = [];
for (let received; (received = receiveMessageOnPort(here));) imports.push(received.message);
here.close();

const own = new URL('../../dist/', import.meta.url).href;
const files = [...imports.map(({ url }) => url), ...Object.keys(createRequire(import.meta.url).cache)];
const bare = imports.filter(({ specifier, from }) => from?.startsWith(own) && !/^(\.|node:)/.test(specifier));

console.log(
  JSON.stringify({
    imported: unique(bare.map(({ specifier }) => packageIn(`/node_modules/${specifier}`))),
    loaded: unique(files.map(packageIn).filter(Boolean)),
  }),
);

/** The innermost package that a path or URL lies in. */
function packageIn(path) {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
}

function unique(names) {
  return [...new Set(names)].sort();
}
