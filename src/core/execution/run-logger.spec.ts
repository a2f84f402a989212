import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Run } from '../history/run.js';
import { RunLogger } from './run-logger.js';

describe('the logger of a run', () => {
  const printed: unknown[][] = [];
  const print =
    (level: string) =>
    (...args: unknown[]): void =>
      void printed.push([level, ...args]);

  function loggerOf(run: Partial<Run> = {}): { logger: RunLogger; run: Run } {
    printed.length = 0;
    Logger.overrideLogger({ log: print('log'), warn: print('warn'), error: print('error') });
    const whole = { worker: 'reporter', ...run } as Run;
    return {
      logger: new RunLogger(
        whole,
        () => 1_000,
        () => {},
      ),
      run: whole,
    };
  }
  afterEach(() => Logger.overrideLogger(false));

  it("writes to the application's log under the worker's name, and keeps the same with the run", () => {
    const { logger, run } = loggerOf();
    logger.log('begun');
    logger.warn({ rows: 3 }, 'and more');
    logger.error(new TypeError('bad'));
    expect(printed.map((call) => call.filter((part) => part !== undefined))).toEqual([
      ['log', 'begun', 'reporter'],
      ['warn', { rows: 3 }, 'and more', 'reporter'],
      ['error', expect.any(TypeError), 'reporter'],
    ]);
    expect(run.log).toEqual({
      lines: [
        { at: new Date(1_000), level: 'log', message: 'begun' },
        { at: new Date(1_000), level: 'warn', message: '{"rows":3} and more' },
        { at: new Date(1_000), level: 'error', message: 'TypeError: bad' },
      ],
      dropped: 0,
    });
  });

  it('keeps also the levels that the application does not print', () => {
    const { logger, run } = loggerOf();
    Logger.overrideLogger(['error']);
    logger.verbose('fine');
    logger.debug('finer');
    expect(run.log!.lines.map(({ level }) => level)).toEqual(['verbose', 'debug']);
  });

  it('keeps the newest 100 lines, and says how many there were before', () => {
    const { logger, run } = loggerOf();
    for (let i = 0; i < 250; i++) logger.log(String(i));
    expect(run.log!.lines.map(({ message }) => message)).toEqual(
      Array.from({ length: 100 }, (_, i) => String(150 + i)),
    );
    expect(run.log!.dropped).toBe(150);
  });

  it.each(['x', '💥', 'ß'])('keeps at most 16 KiB of text, and 2,000 characters a line: %s', (character) => {
    const { logger, run } = loggerOf();
    for (let i = 0; i < 50; i++) logger.log(character.repeat(5_000));
    const { lines, dropped } = run.log!;
    const bytes = lines.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0);
    expect(bytes).toBeLessThanOrEqual(16_384);
    expect(bytes).toBeGreaterThan(16_384 - 8_000);
    expect(lines.length + dropped).toBe(50);
    expect(lines.every(({ message }) => message.length <= 2_000 && message.isWellFormed())).toBe(true);
  });

  it.each([
    ['a NUL', 'a\0b', 'ab'],
    ['half of an emoji', 'a\ud83d', 'a\ufffd'],
    ['nothing', undefined, 'undefined'],
    ['what cannot be shown', { toJSON: () => { throw new Error('no'); } }, '[object Object]'],
    ['a BigInt', 5n, '5'],
  ])('takes %s', (_what, message, expected) => {
    const { logger, run } = loggerOf();
    logger.log(message);
    expect(run.log!.lines[0]!.message).toBe(expected);
  }); // prettier-ignore

  it('keeps nothing of a run that was abandoned, whose record stands', () => {
    const { logger, run } = loggerOf({ endedAt: new Date(5) });
    logger.log('too late');
    expect(run.log).toBeUndefined();
    expect(printed).toHaveLength(1);
  });
});

describe('what a run logs and measures', () => {
  it('is stored while it is active, and when it has ended', async () => {
    let release = (): void => {};
    const clock = new ManualClock();
    const { scheduler, recorder, close } = await startWorkers(
      [
        {
          name: 'reporter',
          interval: 0,
          run: async ({ logger, metric }) => {
            logger.log('begun');
            metric('rows', 3);
            await new Promise<void>((resolve) => (release = resolve));
            logger.log('done');
            metric('rows', 4);
          },
        },
      ],
      { release: '2.4.1' },
      clock,
    );
    const { runId, ended } = await scheduler.trigger('reporter', undefined, { actor: 'ann' });
    const stored = async () => (await recorder.find({ id: runId, limit: 1, withLog: true }))[0]!;
    await clock.advance(1_000);
    expect(await stored()).toMatchObject({
      outcome: 'running',
      actor: 'ann',
      release: '2.4.1',
      metrics: { rows: 3 },
      log: { lines: [{ message: 'begun' }], dropped: 0 },
    });
    release();
    await ended;
    expect(await stored()).toMatchObject({
      outcome: 'succeeded',
      metrics: { rows: 4 },
      log: { lines: [{ message: 'begun' }, { message: 'done' }] },
    });
    expect(await recorder.find({ limit: 1 })).toEqual([
      expect.not.objectContaining({ log: expect.anything() }),
    ]);
    await close();
  });

  it('is nothing for a run that does neither', async () => {
    const { scheduler, recorder, close } = await startWorkers(
      [{ name: 'quiet', interval: 0, run: () => {} }],
      {},
      new ManualClock(),
    );
    await (
      await scheduler.trigger('quiet')
    ).ended;
    const [run] = await recorder.find({ limit: 1, withLog: true });
    expect(
      Object.entries(run!).filter(([key, value]) => ['log', 'metrics', 'actor'].includes(key) && value),
    ).toEqual([]);
    await close();
  });
});
