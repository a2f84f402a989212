import { describe, expect, it } from '@jest/globals';
import { pathToFileURL } from 'node:url';
import { type WorkerOptions } from '../worker/worker-options.js';
import { defineWorker } from './worker-definition.js';

const run = () => undefined;
const nothing = {
  file: undefined,
  export: undefined,
  memory: undefined,
  execArgv: undefined,
  grace: undefined,
};

function placeOf(isolate: unknown) {
  const defined = defineWorker(
    { name: 'w', interval: 0, run, isolate: isolate as WorkerOptions['isolate'] },
    'w',
  );
  return 'problems' in defined ? defined.problems : defined.definition.isolate;
}

describe('the option isolate', () => {
  it.each([undefined, false])('%s is the main thread', (isolate) => {
    expect(placeOf(isolate)).toBeUndefined();
  });

  it.each(['thread', 'process'])("'%s' alone takes all else from the application", (kind) => {
    expect(placeOf(kind)).toEqual({ in: kind, ...nothing });
    expect(placeOf({ in: kind })).toEqual({ in: kind, ...nothing });
  });

  it('takes a URL, its text, or an absolute path', () => {
    for (const module of [pathToFileURL('/app/heavy.js'), 'file:///app/heavy.js', '/app/heavy.js'])
      expect(placeOf({ in: 'thread', module })).toMatchObject({ file: '/app/heavy.js' });
  });

  it('takes a name, memory, options of Node and a grace', () => {
    expect(
      placeOf({ in: 'process', export: 'HeavyModule', memory: 64, execArgv: ['--import=tsx'], grace: '2s' }),
    ).toEqual({
      in: 'process',
      file: undefined,
      export: 'HeavyModule',
      memory: 64,
      execArgv: ['--import=tsx'],
      grace: 2_000,
    });
  });

  it.each<[unknown, RegExp]>([
    ['fork', /isolate: "fork" is none of thread, process/],
    [true, /isolate: true is none of thread, process/],
    [null, /isolate: null is none of/],
    [{}, /is none of thread, process/],
    [
      { in: 'thread', module: './heavy.js' },
      /\.\/heavy\.js is neither a file: URL nor an absolute path: give new URL/,
    ],
    [{ in: 'thread', module: 'https://example.com/heavy.js' }, /is neither a file: URL/],
    [{ in: 'thread', module: 5 }, /module: 5 is neither/],
    [{ in: 'thread', module: class Heavy {} }, /is neither a file: URL/],
    [{ in: 'thread', module: 'file://other-host/heavy.js' }, /isolate: /],
    [{ in: 'thread', export: '' }, /export: {2}is no name/],
    [{ in: 'thread', memory: 8 }, /memory: 8 is no whole number of MiB from 16 on/],
    [{ in: 'thread', memory: '64' }, /memory: 64 is no whole number/],
    [{ in: 'thread', memory: Infinity }, /memory: Infinity is no whole number/],
    [{ in: 'thread', execArgv: '--import=tsx' }, /execArgv: --import=tsx is no list of options/],
    [{ in: 'thread', execArgv: [1] }, /execArgv: \[1\] is no list/],
    [{ in: 'thread', grace: 'soon' }, /isolate: .*soon/],
  ])('%j is an error of the start', (isolate, message) => {
    expect(placeOf(isolate)).toEqual([expect.stringMatching(message)]);
  });
});
