import { describe, expect, it } from '@jest/globals';
import { CommandError, EXIT } from './exit-codes.js';
import { followRun } from './follow-run.js';

const ASKED = { id: 'r1', worker: 'w' };
const UNKNOWN = new CommandError('No run r1 is recorded', EXIT.refused);
const AWAY = new CommandError('The application cannot be reached', EXIT.unavailable);

/** An application that gives these answers about the run, one by one, and the last one for ever. */
function application(answers: readonly (string | CommandError)[], activeRuns = 0) {
  const left = [...answers];
  return {
    get: <T>(path: string): Promise<T> => {
      if (path === 'workers/w') return Promise.resolve({ active_runs: activeRuns } as T);
      const answer = left.length > 1 ? left.shift()! : left[0]!;
      return typeof answer === 'string'
        ? Promise.resolve({ id: 'r1', outcome: answer } as T)
        : Promise.reject(answer);
    },
  };
}

async function follow(api: ReturnType<typeof application>, patience: number): Promise<string> {
  try {
    const { outcome } = await followRun(api, ASKED, () => {}, { lookEvery: 1, patience });
    return outcome;
  } catch (error) {
    const { message, exitCode } = error as CommandError;
    return `${exitCode}: ${message}`;
  }
}

describe('a run that is waited for', () => {
  it('is looked at until it has ended', async () => {
    const looks: (string | undefined)[] = [];
    const api = application([UNKNOWN, 'running', 'running', 'failed']);
    const run = await followRun(api, ASKED, (one) => looks.push(one?.outcome), {
      lookEvery: 1,
      patience: 10_000,
    });
    expect(run).toMatchObject({ outcome: 'failed' });
    expect(looks).toEqual([undefined, 'running', 'running']);
  });

  it('may wait for long while another run of its worker is active', async () => {
    const waits = Array<CommandError>(20).fill(UNKNOWN);
    expect(await follow(application([...waits, 'succeeded'], 1), 5)).toBe('succeeded');
  });

  it('is not waited for when it was dropped', async () => {
    expect(await follow(application([UNKNOWN]), 5)).toMatch(
      /^1: Run r1 has not begun .* although "w" is idle/,
    );
  });

  it('is not waited for when its record is gone', async () => {
    expect(await follow(application(['running', UNKNOWN]), 10_000)).toBe('1: Run r1 is recorded no longer');
  });

  it('is waited for while the application is started again, and not for ever', async () => {
    expect(await follow(application(['running', AWAY, AWAY, 'succeeded']), 10_000)).toBe('succeeded');
    expect(await follow(application(['running', AWAY]), 5)).toBe('5: The application cannot be reached');
  });

  it('is not waited for by whom the application refuses', async () => {
    const denied = new CommandError('The token is wrong', EXIT.denied);
    expect(await follow(application(['running', denied]), 10_000)).toBe('4: The token is wrong');
  });
});
