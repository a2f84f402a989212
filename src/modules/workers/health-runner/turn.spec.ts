import { describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { instantsOf, nextDue } from './turn.js';

describe('a claimed turn', () => {
  const turn = (dueAt: number, lease: number, interval: number) => ({
    checkId: newId('healthCheck'),
    dueAt: new Date(dueAt),
    lease: new Date(lease),
    interval,
    revision: 1,
    version: 0,
    state: undefined,
  });

  it.each([
    ['is one instant of a check that comes every ten seconds', turn(5_000, 15_000, 10_000), 3_000, [5_000]],
    ['is each instant before its lease ends', turn(5_000, 8_000, 1_000), 4_500, [5_000, 6_000, 7_000]],
    ['is the latest of those that have passed', turn(5_000, 9_000, 1_000), 7_200, [7_000, 8_000]],
    ['is the only one, also when it has passed', turn(5_000, 15_000, 10_000), 9_000, [5_000]],
    [
      'is one instant of a check whose interval is longer than the lease',
      turn(5_000, 20_000, 3_600_000),
      4_000,
      [5_000],
    ],
  ])('%s', (_, claimed, now, expected) => {
    expect(instantsOf(claimed, now)).toEqual(expected);
  });

  it('says when the check is due next', () => {
    expect(nextDue(turn(5_000, 20_000, 60_000))).toEqual(new Date(65_000));
  });
});
