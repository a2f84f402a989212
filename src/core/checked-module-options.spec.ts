import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { type WorkerModuleOptions } from './worker-module.options.js';
import { WorkerModule } from './worker.module.js';

const start = (module: ReturnType<typeof WorkerModule.forRoot>) =>
  Test.createTestingModule({ imports: [module] })
    .setLogger({ log() {}, warn() {}, error() {} })
    .compile();

describe('options of WorkerModule that no compiler has seen', () => {
  it.each<[object, RegExp]>([
    [{ maxConcurentRuns: 5 }, /maxConcurentRuns: unknown option: did you mean maxConcurrentRuns\?/],
    [{ run: 'false' }, /run: "false" \(string\) is neither true nor false/],
    [{ autoStart: 0 }, /autoStart: "0" \(number\) is neither/],
    [{ globalEnhancers: 'yes' }, /globalEnhancers: "yes" \(string\) is neither/],
    [{ drain: '10s' }, /drain: a text is no object/],
    [{ drain: null }, /drain: null is no object/],
    [{ drain: { timeOut: '1s' } }, /drain: timeOut: unknown option: did you mean timeout\?/],
    [{ drain: { timeout: NaN } }, /drain\.timeout: NaN is not a duration/],
    [{ retention: true }, /retention: a boolean is no object/],
    [{ retention: { maxAges: '7d' } }, /retention: maxAges: unknown option: did you mean maxAge\?/],
    [{ isolation: 'thread' }, /isolation: a text is no object/],
    [{ adopt: { cronjobs: false } }, /adopt: cronjobs: unknown option: did you mean cronJobs\?/],
    [{ scheduleModule: 'skip' }, /scheduleModule: "skip" is none of refuse, ignore/],
    [{ workers: [] }, /workers: a list is no object: give options by the name of the worker/],
    [{ history: 'postgres' }, /history: a text is none: give postgresHistory\(/],
    [{ coordination: {} }, /coordination: an object is none: give postgres\(/],
    [{ fanOut: 'bullmq' }, /fanOut: a text is none: give bullMq\(/],
    [{ onError: 'log' }, /onError: a text is no function/],
    [{ lease: 5 }, /lease: 5 ms is too short/],
  ])('%p fail the start, which says what to write', async (options, message) => {
    await expect(start(WorkerModule.forRoot(options as WorkerModuleOptions))).rejects.toThrow(message);
    const useFactory = async () => options as WorkerModuleOptions;
    await expect(start(WorkerModule.forRootAsync({ useFactory }))).rejects.toThrow(message);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['memory', 'a text'],
  ])('a factory that gives %p fails the start', async (given, kind) => {
    const useFactory = () => given as unknown as WorkerModuleOptions;
    await expect(start(WorkerModule.forRootAsync({ useFactory }))).rejects.toThrow(
      `${kind} is no object with options: give one, {} for the defaults`,
    );
  });

  it('is not shown, as it may hold a password', async () => {
    const history = { connectionString: 'postgres://u:secret@x/y' };
    const refused = start(WorkerModule.forRoot({ history } as object));
    await expect(refused).rejects.toThrow(/^(?!.*secret)[^]*history: an object is none/);
  });

  it('null is refused where it is given', () => {
    expect(() => WorkerModule.forRoot(null as never)).toThrow(/null is no object/);
  });

  it('all that is wrong is in one message', async () => {
    const options = { run: 'no', autoStart: 'yes', wrokers: {} } as object;
    await expect(start(WorkerModule.forRoot(options))).rejects.toMatchObject({
      name: 'InvalidModuleOptionsError',
      problems: [
        expect.stringMatching(/^wrokers: /),
        expect.stringMatching(/^autoStart: /),
        expect.stringMatching(/^run: /),
      ],
    });
  });
});
