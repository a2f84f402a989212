import { beforeAll, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { nodeOutput } from '../support/node-output.js';

interface Start {
  case: string;
  name?: string;
  message?: string;
  outcome?: string;
}

/** What is wrong with the file, the module or the worker in it is an error of the start, not of a run at three o'clock. */
describe('an application with an isolated worker', () => {
  const starts = new Map<string, Start>();

  beforeAll(async () => {
    const output = await nodeOutput(builtCheckout(), 'test/apps/isolated/starts.mjs');
    for (const line of output.trim().split('\n')) {
      const start = JSON.parse(line) as Start;
      starts.set(start.case, start);
    }
  });

  it.each<[string, RegExp]>([
    [
      'names no module',
      /no module is named for it: give WorkerModule\.forRoot\(\{ isolation: \{ module: new URL/,
    ],
    ['names a file that does not exist', /its module \S*missing\.mjs does not exist/],
    ['names a file that is no JavaScript', /The thread for \S*witness\.sh cannot be started/],
    [
      'names a file with several modules',
      /it exports several modules, .*WorksModule.*: name one by the option export/,
    ],
    ['names an export that does not exist', /it exports nothing as "WorkModule", but .*WorksModule/],
    ['names an export that is no module', /it exports no module as "notAModule"/],
    [
      'names a module without the worker',
      /has no worker of that name, but none: provide its class in that module/,
    ],
    ['names a module that Nest cannot make', /NOWHERE/],
    ['names a module that cannot be initialised', /it cannot be initialised/],
    ['names a module that ends its thread', /it ended with exit code 9/],
    ['names a module with a ScheduleModule', /ScheduleModule/],
    ['names such a module, although the application ignores its own', /ScheduleModule/],
    ['names an option that Node does not have', /--no-such-option/],
  ])('does not start when it %s', (name, message) => {
    expect(starts.get(name)).toMatchObject({
      name: 'InvalidWorkersError',
      message: expect.stringMatching(
        /^A worker is badly defined:\n {2}- Works\.run \(in WorksModule\): isolate: /,
      ),
    });
    expect(starts.get(name)!.message).toMatch(message);
  });

  it.each([
    ['runs nothing, so that nothing is loaded', 'not run'],
    ['has the worker disabled', 'not run'],
    ['has isolation off', 'succeeded'],
    ['names the right one', 'succeeded'],
    ['names a module that imports WorkerModule itself', 'succeeded'],
    ['has a module of the worker’s own', 'succeeded'],
    ['has a CommonJS module', 'succeeded'],
    ['has a module that is the default export', 'succeeded'],
  ])('starts when it %s', (name, outcome) => {
    expect(starts.get(name)).toEqual({ case: name, outcome });
  });
});
