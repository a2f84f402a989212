import { beforeEach, describe, expect, it } from '@jest/globals';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type ClusterLoop } from './cluster-loop.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { Enrolments } from './enrolments.js';

describe('the enrolment of several workers', () => {
  let errors: string[];
  let enrolments: Enrolments;
  let begun: string[];
  beforeEach(() => {
    errors = [];
    begun = [];
    const clock = new ManualClock();
    enrolments = new Enrolments(
      {
        coordinator: new LocalCoordinator(clock),
        clock: new CoordinatorClock(clock),
        reached: () => undefined,
      },
      { error: (message: string) => errors.push(message) },
    );
  });

  /** @param fails where, and so often */
  function add(name: string, fails: { at?: 'slot' | 'begin'; times?: number } = {}): void {
    let left = fails.times ?? 0;
    const failAt = (where: string) => {
      if (fails.at === where && left-- > 0) throw new Error(`no ${where}`);
    };
    const schedule = { latest: () => (failAt('slot'), 0) };
    const definition = { name, every: 1_000, interval: 1_000, schedule, spacing: 'slots' };
    const enrolled = () => (failAt('begin'), begun.push(name));
    enrolments.add({ definition, enrolled } as unknown as ClusterLoop);
  }

  it.each(['slot', 'begin'] as const)(
    'goes on when one fails (%s), which is told once and tried again',
    async (at) => {
      add('first');
      add('second', { at, times: 2 });
      add('third');
      await enrolments.enroll();
      expect(begun).toEqual(['first', 'third']);
      await enrolments.enroll();
      expect(errors).toEqual([`"second" could not begin, and the others do; it is tried again: no ${at}`]);
      await enrolments.enroll();
      expect(begun).toEqual(['first', 'third', 'second']);
      await enrolments.enroll();
      expect(begun).toHaveLength(3);
      expect(errors).toHaveLength(1);
    },
  );
});
