import { describe, expect, it } from '@jest/globals';
import { type Effect } from './effects.js';
import { type Disturbance, judge, type Verdict } from './verdict.js';

const SECOND = 1_000;

interface RunOf {
  start: number;
  end?: number;
  refused?: number;
  pid?: number;
  due?: number;
}

/** Of runs in seconds from the start of a window of six due times. */
function verdict(runs: RunOf[], disturbances: Disturbance[] = []): Verdict {
  const effects = runs.flatMap(({ start, end, refused, pid = 1, due }, i): Effect[] => {
    const of = { run: `run-${i}`, pid, due: due === undefined ? null : due * SECOND };
    return [
      { ...of, what: 'start' as const, at: start * SECOND },
      ...(end === undefined ? [] : [{ ...of, what: 'end' as const, at: end * SECOND }]),
      ...(refused === undefined ? [] : [{ ...of, what: 'refused' as const, at: refused * SECOND }]),
    ];
  });
  return judge({
    effects: effects.toSorted((a, b) => a.at - b.at),
    disturbances: disturbances.map(({ pid, at, until }) => ({
      pid,
      at: at * SECOND,
      ...(until !== undefined && { until: until * SECOND }),
    })),
    interval: SECOND,
    from: 0,
    to: 6 * SECOND,
    ended: 8 * SECOND,
  });
}

const each = (pid: number): RunOf[] =>
  [0, 1, 2, 3, 4, 5].map((due) => ({ start: due + 0.1, end: due + 0.2, due, pid }));

describe('judge', () => {
  it('finds nothing wrong where each due time has a run that ended', () => {
    expect(verdict(each(1))).toEqual({
      due: 6,
      done: 6,
      twice: 0,
      lost: 0,
      atOnce: 1,
      gap: 900,
      takeover: 0,
      inMidRun: 0,
      staleWrites: 0,
      refused: 0,
    });
  });

  it('finds due times that ran more than once, and runs that were active at one time', () => {
    expect(verdict([...each(1), ...each(2), ...each(3)])).toMatchObject({ done: 6, twice: 6, atOnce: 3 });
  });

  it('takes the interval in which a run began where nobody tells what it is for', () => {
    expect(verdict(each(1).map(({ start, end }) => ({ start, end: end! })))).toMatchObject({
      done: 6,
      lost: 0,
    });
  });

  it('does not call lost what passed while another run was active', () => {
    const long = [{ start: 0.1, end: 5.3, due: 0 }];
    expect(verdict(long)).toMatchObject({ due: 6, done: 1, lost: 0, gap: 700 });
    expect(verdict([{ start: 0.1, end: 3.3, due: 0 }])).toMatchObject({ done: 1, lost: 2 });
  });

  it('calls lost a due time whose run was killed and not run again', () => {
    const killed = { pid: 1, at: 2.15 };
    const runs = each(1).map((run) =>
      run.due === 2 ? { start: run.start, due: 2, pid: 1 } : { ...run, pid: 2 },
    );
    expect(verdict(runs, [killed])).toMatchObject({ done: 5, lost: 1, inMidRun: 1, takeover: 950 });
    const again = { start: 2.6, end: 2.7, due: 2, pid: 3 };
    expect(verdict([...runs, again], [killed])).toMatchObject({ done: 6, lost: 0, twice: 0, takeover: 450 });
  });

  it('counts a process that is killed between runs as none in mid-run', () => {
    expect(verdict(each(1), [{ pid: 1, at: 2.5 }])).toMatchObject({ inMidRun: 0, takeover: 0 });
  });

  it('measures a takeover that did not come to the end of the trial', () => {
    const run = { start: 0.1, due: 0 };
    expect(verdict([run], [{ pid: 1, at: 0.5 }])).toMatchObject({ lost: 6, gap: 5_500, takeover: 7_500 });
  });

  describe('of a frozen process', () => {
    const frozen = { pid: 1, at: 0.5, until: 4 };
    const other = { start: 1.6, end: 1.8, due: 0, pid: 2 };

    it('counts its write after it woke when another run had begun, and two at once when one was active', () => {
      const woke = { start: 0.1, end: 4.1, due: 0 };
      expect(verdict([woke, other], [frozen])).toMatchObject({
        staleWrites: 1,
        refused: 0,
        twice: 1,
        atOnce: 1,
      });
      const meanwhile = { start: 3.9, end: 4.2, due: 3, pid: 2 };
      expect(verdict([woke, meanwhile], [frozen])).toMatchObject({ staleWrites: 1, atOnce: 2 });
    });

    it('counts no stale write where it was refused: the run was over when it was frozen', () => {
      const woke = { start: 0.1, refused: 4.1, due: 0 };
      const meanwhile = { start: 3.9, end: 4.2, due: 3, pid: 2 };
      expect(verdict([woke, other, meanwhile], [frozen])).toMatchObject({
        staleWrites: 0,
        refused: 1,
        twice: 0,
        atOnce: 1,
        takeover: 1_100,
      });
    });

    it('counts no stale write where nobody took over, and a gap as long as it stood still', () => {
      const woke = { start: 0.1, end: 4.1, due: 0 };
      expect(verdict([woke], [frozen])).toMatchObject({ staleWrites: 0, gap: 3_500 });
    });
  });
});
