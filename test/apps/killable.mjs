// What the control planes have in common that are made to be killed (`collected.mjs`, `reconciled.mjs`; `KillableApp` in
// test/chaos/killable-app.ts is their other side). PLANE is JSON: `url`, of a migrated database, and `instances`, the directory
// of the process provider.
//
// A step is taken before each statement that writes, and before and after each call that changes something at the provider.
import { createInterface } from 'node:readline';
import pg from 'pg';
import { ProcessProvider, systemClaims, withClaims } from 'ctrlplane-workers/control-plane';

export const { url, instances } = JSON.parse(process.env.PLANE);

let left = Infinity;
let steps = 0;
function step() {
  steps++;
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
}

// Before TypeORM makes its first client. A write is known by its first word, but for those that begin with a WITH.
const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (config, ...more) {
  const text = typeof config === 'string' ? config : config?.text;
  // Who reaches the store is noted by the clock, not by what is being done.
  if (/^\s*(INSERT|UPDATE|DELETE|COMMIT)/i.test(text) && !/provider_stores/.test(text)) step();
  return query.call(this, config, ...more);
};
for (const method of ['provision', 'deprovision', 'start', 'stop', 'restart', 'deploy']) {
  const original = ProcessProvider.prototype[method];
  ProcessProvider.prototype[method] = async function (...args) {
    step();
    const result = await original.apply(this, args);
    step();
    return result;
  };
}

/**
 * Does what it is told on stdin, one JSON line each, and says `done N` to the Nth with what `toDo` gave as JSON, or with the
 * stack of its error. `{ "fault": n }` kills it, as kill -9 does, at the nth of its steps from then on. SIGUSR2: it says how
 * many steps it has taken since.
 */
export function obey(toDo) {
  let told = 0;
  const carryOut = async ({ fault, ...order }) => {
    if (fault !== undefined) [left, steps] = [fault, 0];
    return (await toDo(order)) ?? null;
  };
  createInterface({ input: process.stdin }).on('line', (line) => {
    const number = ++told;
    withClaims(systemClaims('test'), () => carryOut(JSON.parse(line))).then(
      (result) => console.log(`done ${number} ${JSON.stringify(result)}`),
      (error) => console.log(`done ${number} with ${error.stack}`),
    );
  });
  process.stdin.unref?.();
  process.on('SIGUSR2', () => console.log(`steps ${steps}`));
  console.log('ready');
}
