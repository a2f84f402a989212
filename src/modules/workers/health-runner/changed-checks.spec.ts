import { describe, expect, it } from '@jest/globals';
import { initialState } from '../../health-checks/check-state.js';
import { newId } from '../../ids/typed-id.js';
import { ChangedChecks } from './changed-checks.js';
import { type ArmedTurn, isCurrent } from './turn.js';

describe('a check that is changed after its turn was claimed', () => {
  const armed = (revision = 1): ArmedTurn => {
    const position = { state: initialState(0), version: 0, revision };
    return { turn: { checkId: newId('healthCheck'), revision }, position } as unknown as ArmedTurn;
  };
  const look = (turns: ArmedTurn[], changed: ArmedTurn[]) => {
    const ids = new Set(changed.map(({ turn }) => turn.checkId));
    return new ChangedChecks({ checks: { changedAcrossTenants: async () => ids }, soon: () => turns }).look();
  };

  it('is no longer what was claimed', async () => {
    const [same, changed] = [armed(), armed()];
    await look([same, changed], [changed]);
    expect([same, changed].map(isCurrent)).toEqual([true, false]);
  });

  it('is current again with the turn that is claimed of what it is now', async () => {
    const old = armed();
    await look([old], [old]);
    old.position.revision = 2;
    expect(isCurrent({ turn: { ...old.turn, revision: 2 }, position: old.position })).toBe(true);
    // Its look began before it was claimed anew.
    await look([old], [old]);
    expect(old.position.revision).toBe(2);
  });

  it('is asked about once at a time, and only while something starts soon', async () => {
    const asked: number[] = [];
    let answer = (): void => undefined;
    let turns: ArmedTurn[] = [];
    const changedAcrossTenants = async (all: readonly unknown[]): Promise<Set<never>> => {
      asked.push(all.length);
      await new Promise<void>((resolve) => (answer = resolve));
      return new Set();
    };
    const changed = new ChangedChecks({ checks: { changedAcrossTenants }, soon: () => turns });
    await changed.look();
    turns = [armed(), armed()];
    const first = changed.look();
    await changed.look();
    expect(asked).toEqual([2]);
    answer();
    await first;
  });

  it('is run as it was while the store cannot be asked', async () => {
    const turn = armed();
    const away = { changedAcrossTenants: () => Promise.reject(new Error('away')) };
    await new ChangedChecks({ checks: away, soon: () => [turn] }).look();
    expect(isCurrent(turn)).toBe(true);
  });
});
