import { describe, expect, it } from '@jest/globals';
import { type ProbeOutcome } from './health-check.js';
import {
  type CheckRules,
  type CheckState,
  flapShare,
  initialState,
  nextState,
  restartedState,
  stateSince,
  worstStatus,
} from './check-state.js';

const RULES: CheckRules = { failureThreshold: 3, successThreshold: 2, startupGrace: 0 };
const OUTCOMES: Record<string, ProbeOutcome> = { S: 'success', F: 'failure', D: 'degraded', U: 'unknown' };

/** Plays results, one a second. @returns after each: the first letter of the status, and what was told */
function play(results: string, rules: Partial<CheckRules> = {}, from: CheckState = initialState(0)) {
  let state = from;
  const statuses: string[] = [];
  const told: string[] = [];
  [...results.replaceAll(' ', '')].forEach((letter, second) => {
    const next = nextState(state, OUTCOMES[letter]!, second * 1_000, { ...RULES, ...rules });
    state = next.state;
    statuses.push({ starting: '.', healthy: 'h', degraded: 'd', unhealthy: 'u', unknown: '?' }[state.status]);
    if (next.transition) told.push(`${next.transition}@${second}`);
  });
  return { state, statuses: statuses.join(''), told };
}

describe('the state of a check', () => {
  it.each([
    ['is healthy from the first success on, which is no news', 'SSS', {}, 'hhh', []],
    [
      'is unhealthy after as many failures in a row as the threshold says',
      'SFFFF',
      {},
      'hhhuu',
      ['failed@3'],
    ],
    ['forgives failures that are not in a row', 'SFFSFFS', {}, 'hhhhhhh', []],
    [
      'is healthy again after as many successes in a row as the threshold says',
      'SFFFSFSS',
      {},
      'hhhuuuuh',
      ['failed@3', 'recovered@7'],
    ],
    ['is told once, however long it goes on', 'FFFFFFFF', {}, '..uuuuuu', ['failed@2']],
    [
      'with thresholds of one follows each result',
      'SFS',
      { failureThreshold: 1, successThreshold: 1 },
      'huh',
      ['failed@1', 'recovered@2'],
    ],
    ['is degraded, and better again', 'SDDSS', {}, 'hhddh', ['degraded@2', 'recovered@4']],
    ['is degraded from the start on', 'DD', {}, 'dd', ['degraded@0']],
    [
      'goes from degraded to unhealthy and back',
      'DFFFDD',
      {},
      'dddu' + 'ud',
      ['degraded@0', 'failed@3', 'degraded@5'],
    ],
    [
      'does not count failures within the grace of the start',
      'FFFFFFF',
      { startupGrace: 4_000 },
      '......u',
      ['failed@6'],
    ],
    ['ends the grace with the first success', 'FSFFF', { startupGrace: 60_000 }, '.hhhu', ['failed@4']],
    ['does not hold a fault of the prober against anybody', 'SUUUUU', {}, 'hhh???', []],
    ['is what it was once the prober can tell again, without news', 'SUUUS', {}, 'hhh?h', []],
    [
      'has not recovered by what the prober could not tell',
      'SFFFUUUSS',
      {},
      'hhhuuu?uh',
      ['failed@3', 'recovered@8'],
    ],
    ['counts failures on both sides of a fault of the prober', 'SFFUF', {}, 'hhhhu', ['failed@4']],
    ['stays starting while nothing is known', 'UUUUU', {}, '.....', []],
  ] as const)('%s', (_, results, rules, statuses, told) => {
    const played = play(results, rules);
    expect([played.statuses, played.told]).toEqual([statuses, told]);
  });

  it('of a check that goes on as it was is the same object, so that nothing is written', () => {
    for (const settled of [
      'S'.repeat(25),
      'S' + 'F'.repeat(25),
      'S' + 'D'.repeat(25),
      'S' + 'U'.repeat(25),
    ]) {
      const { state } = play(settled);
      const outcome = OUTCOMES[settled.at(-1)!]!;
      expect(nextState(state, outcome, 99_000, RULES).state).toBe(state);
    }
  });

  it('says since when it is so', () => {
    expect(play('SSFFFFF').state.since).toBe(4_000);
  });

  describe('that flaps', () => {
    const quick = { failureThreshold: 1, successThreshold: 1 };
    const flapping = play('SF'.repeat(6), quick);

    it('is told as flapping once, when half of the last twenty results differ from the one before', () => {
      expect(flapping.told.at(-1)).toBe('flapping@10');
      expect(flapShare(play('SF'.repeat(5) + 'S', quick).state)).toBe(0.5);
      expect(play('SF'.repeat(5), quick).state.flapping).toBe(false);
    });

    it('tells nothing else meanwhile, though its status goes on changing', () => {
      const more = play('SFSFSFSF', quick, flapping.state);
      expect(more.told).toEqual([]);
      expect(more.statuses).toBe('huhuhuhu');
    });

    it('ends when a quarter does, and then tells what is news', () => {
      const calm = play('S'.repeat(20), quick, flapping.state);
      const end = calm.told[0];
      expect(end).toMatch(/^recovered@/);
      expect(calm.told).toHaveLength(1);
      expect(calm.state.flapping).toBe(false);
      expect(play('S'.repeat(Number(end!.split('@')[1])), quick, flapping.state).state.flapping).toBe(true);
    });

    it('tells nothing at its end if it is as it was told before', () => {
      const before = play('SFSFSFSFSF' + 'F', quick).state;
      expect(before.told).toBe('unhealthy');
    });
  });

  it('counts anew once its instance was restarted, with its grace, and keeps the restarts of an hour', () => {
    const unhealthy = play('SFFF').state;
    const restarted = restartedState(unhealthy, 4_000);
    expect(restarted).toMatchObject({ status: 'unhealthy', failures: 0, passed: false, restarts: [4_000] });
    expect(nextState(restarted, 'failure', 5_000, { ...RULES, startupGrace: 2_000 }).state.failures).toBe(0);
    expect(restartedState(restarted, 3_604_001).restarts).toEqual([3_604_001]);
  });

  it.each([
    [[], 'unknown'],
    [['healthy', 'healthy'], 'healthy'],
    [['healthy', 'starting'], 'starting'],
    [['unknown', 'healthy'], 'unknown'],
    [['unknown', 'degraded'], 'degraded'],
    [['degraded', 'unhealthy', 'healthy'], 'unhealthy'],
  ] as const)('makes of an instance with %j: %s', (statuses, expected) => {
    expect(worstStatus(statuses)).toBe(expected);
  });
});

describe('the state of the check of an instance', () => {
  const rules = { ...RULES, startupGrace: 10_000 };
  const failed = (state: CheckState, at: number) => nextState(state, 'failure', at, rules).state;

  it('counts anew once the instance has been started again, and has its grace', () => {
    const running = play('SSFF', {}, stateSince(initialState(0), 0)).state;
    expect(running).toMatchObject({ failures: 2, passed: true, runningSince: 0 });
    const started = stateSince(running, 60_000);
    expect(started).toMatchObject({ status: 'healthy', failures: 0, passed: false, startedAt: 60_000 });
    let state = started;
    for (let at = 61_000; at < 70_000; at += 1_000) state = failed(state, at);
    expect(state.status).toBe('healthy');
    for (let at = 70_000; at < 73_000; at += 1_000) state = failed(state, at);
    expect(state.status).toBe('unhealthy');
    expect(state.runningSince).toBe(60_000);
  });

  it('stays the same while the instance goes on, or by an older word of it', () => {
    const state = stateSince(initialState(0), 5_000);
    expect(stateSince(state, 5_000)).toBe(state);
    expect(stateSince(state, 4_000)).toBe(state);
    expect(stateSince(state, undefined)).toBe(state);
  });

  it('has its grace from the first check on where the instance ran before', () => {
    expect(stateSince(initialState(50_000), 1_000)).toMatchObject({ startedAt: 50_000, runningSince: 1_000 });
  });
});
