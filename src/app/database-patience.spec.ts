import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../core/testing/manual-clock.js';
import { DatabasePatience, DatabaseSilentError } from './database-patience.js';
import { DatabaseUnreachableError } from '../modules/schema/schema.errors.js';
import { explain } from './expected-error.js';

const silence = () => new Error('timeout exceeded when trying to connect');

describe('the patience of a start with its database', () => {
  let clock: ManualClock;
  let said: string[];
  let patience: DatabasePatience;

  beforeEach(() => {
    clock = new ManualClock();
    said = [];
    patience = new DatabasePatience((line) => said.push(line), clock);
  });

  /** A step that takes 5 s and fails. */
  const failing = (error: () => Error) => {
    const step = { times: 0, run: () => Promise.resolve('') };
    step.run = async () => {
      step.times++;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 5_000));
      throw error();
    };
    return step;
  };

  it('takes a step again until the database answers, and says so once', async () => {
    let left = 3;
    const done = patience.until(async () => {
      if (left-- > 0) throw silence();
      return 'connected';
    });
    await clock.advance('10s');
    expect(await done).toBe('connected');
    expect(said).toEqual([
      'The database does not answer (timeout exceeded when trying to connect); it is asked again for up to 60 s',
    ]);
  });

  it('ends after a minute, in one sentence that says what to do, without a stack', async () => {
    const step = failing(silence);
    const failure = patience.until(step.run).catch((error: unknown) => error);
    await clock.advance('2m');
    const error = await failure;
    expect(error).toBeInstanceOf(DatabaseSilentError);
    expect(step.times).toBe(11);
    expect(explain(error)).toBe(
      'The database could not be used for 60 s (timeout exceeded when trying to connect): start again when the ' +
        'machine has less to do, or see whether the database hangs or packets to it are dropped.',
    );
  });

  it('is one for all steps', async () => {
    const first = patience.until(failing(silence).run).catch((error: unknown) => error);
    await clock.advance('2m');
    await first;
    const step = failing(silence);
    const second = patience.until(step.run).catch((error: unknown) => error);
    await clock.advance('2m');
    expect(await second).toBeInstanceOf(DatabaseSilentError);
    expect(step.times).toBe(1);
  });

  it.each([
    ['the driver', () => new Error('timeout expired')],
    ['a cause', () => new Error('Cannot use the database', { cause: silence() })],
    ['TypeORM', () => Object.assign(new Error('query failed'), { driverError: silence() })],
    ['a server that was ended', () => Object.assign(new Error('terminating connection'), { code: '57P01' })],
    ['a lost connection', () => new Error('Connection terminated unexpectedly')],
    ['the kernel', () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['both address families', () => new AggregateError([new Error('connect ETIMEDOUT 10.0.0.1:5432')])],
  ])('knows it by %s', async (_, error) => {
    const step = failing(error);
    const failure = patience.until(step.run).catch((thrown: unknown) => thrown);
    await clock.advance('2m');
    expect(await failure).toBeInstanceOf(DatabaseSilentError);
  });

  it('has none where nobody listens at its address, which has been waited for', async () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const address = { host: '127.0.0.1', port: 1, database: 'x' };
    const unreachable = new DatabaseUnreachableError(address, cause.message, { cause });
    await expect(patience.until(() => Promise.reject(unreachable))).rejects.toBe(unreachable);
  });

  it('has none with anything else', async () => {
    const refused = new Error('password authentication failed');
    await expect(patience.until(() => Promise.reject(refused))).rejects.toBe(refused);
    expect(said).toEqual([]);
  });
});
