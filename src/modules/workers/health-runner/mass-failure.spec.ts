import { describe, expect, it } from '@jest/globals';
import { MassFailure } from './mass-failure.js';

describe('a mass failure', () => {
  type Seen = [target: string, failed: boolean, at: number];
  const play = (seen: Seen[], mass = new MassFailure(), tenant = 'acme') => {
    for (const one of seen) mass.saw(tenant, ...one);
    return mass;
  };
  const targets = (count: number, failed: boolean, from = 0): [string, boolean, number][] =>
    Array.from({ length: count }, (_, i) => [`t${i}`, failed, from + i]);

  it('is active when most targets fail', () => {
    expect(play(targets(10, true)).isOn(0)).toBe(true);
  });

  it('is not when half of them do, or when there are few', () => {
    expect(play([...targets(10, false), ...targets(5, true, 100)]).isOn(0)).toBe(false);
    expect(play(targets(4, true)).isOn(0)).toBe(false);
  });

  it('is seen at its begin, when those that were well before have not been asked again', () => {
    const mass = play([...targets(100, false), ...targets(6, true, 1_000)]);
    expect(mass.isOn(0)).toBe(false);
    expect(mass.isOn(1_000)).toBe(true);
  });

  it('is no matter of one target that fails again and again', () => {
    const mass = play([
      ...targets(10, false),
      ...Array.from({ length: 50 }, (_, i) => ['t1', true, 100 + i] as [string, boolean, number]),
    ]);
    expect(mass.isOn(100)).toBe(false);
  });

  it('is none when the targets of one tenant fail, however many, and those of others do not', () => {
    const mass = play(targets(5, false), undefined, 'globex');
    play(targets(5, false), mass, 'initech');
    play(targets(1_000, true, 10), mass, 'acme');
    expect(mass.isOn(1_500)).toBe(false);
    mass.saw('globex', 't1', true, 2_000);
    play(targets(1_000, true, 2_000), mass, 'acme');
    expect([mass.isOn(0), mass.isOn(2_000)]).toEqual([false, false]);
  });

  it('is active when most targets of most tenants fail, and over when one of them is well again', () => {
    const mass = play(targets(3, true), undefined, 'globex');
    play(targets(3, true), mass, 'initech');
    play(targets(3, false), mass, 'acme');
    expect(mass.isOn(0)).toBe(true);
    play(targets(3, false, 100), mass, 'initech');
    expect(mass.isOn(0)).toBe(false);
    play(targets(3, true, 40_000), mass, 'acme');
    expect(mass.isOn(40_000)).toBe(false);
    play(targets(2, true, 40_010), mass, 'globex');
    expect(mass.isOn(40_000)).toBe(true);
  });

  it('is over when they are well again, and forgets what was long ago', () => {
    expect(play([...targets(10, true), ...targets(10, false, 5_000)]).isOn(5_000)).toBe(false);
    const mass = play([...targets(10, true), ['other', true, 40_000]]);
    expect(mass.isOn(40_000)).toBe(false);
  });
});
