import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type InstanceId, newId } from '../ids/typed-id.js';
import { planRollout, type PlannedInstance, type RolloutGoal } from './rollout-plan.js';
import { DEFAULT_ROLLOUT } from './workload.js';

const goal = (replicas: number, more: Partial<RolloutGoal['rollout']> = {}, halted = false): RolloutGoal => ({
  specHash: 'new',
  replicas,
  rollout: { ...DEFAULT_ROLLOUT, ...more },
  halted,
});
const some = (specHash: string, ...ready: boolean[]): PlannedInstance[] =>
  ready.map((is) => ({ id: newId('instance'), specHash, ready: is }));

describe('planRollout', () => {
  it('adds what is missing, and removes the newest that are not ready first', () => {
    expect(planRollout(goal(3), some('new', true))).toMatchObject({ create: 2, remove: [], done: false });
    const [one, two, three, four] = some('new', true, false, true, true);
    expect(planRollout(goal(2), [one!, two!, three!, four!]).remove).toEqual([two!.id, four!.id]);
  });

  it('keeps an old one until its successor is ready', () => {
    const old = some('old', true, true);
    expect(planRollout(goal(2), old)).toMatchObject({ create: 1, remove: [] });
    expect(planRollout(goal(2), [...old, ...some('new', false)])).toMatchObject({ create: 0, remove: [] });
    expect(planRollout(goal(2), [...old, ...some('new', true)])).toMatchObject({
      create: 0,
      remove: [old[1]!.id],
    });
  });

  it('replaces nothing when halted, and gives up the new ones that are too many', () => {
    const old = some('old', true, true);
    const [fresh] = some('new', false);
    expect(planRollout(goal(2, {}, true), old)).toMatchObject({ create: 0, remove: [] });
    expect(planRollout(goal(2, {}, true), [...old, fresh!])).toMatchObject({
      create: 0,
      remove: [fresh!.id],
    });
  });

  it('comes to its end from any mixture, within its bounds at each step', () => {
    const mixture = fc.record({
      replicas: fc.integer({ min: 0, max: 8 }),
      maxSurge: fc.integer({ min: 0, max: 3 }),
      maxUnavailable: fc.integer({ min: 0, max: 3 }),
      old: fc.array(fc.boolean(), { maxLength: 8 }),
      fresh: fc.array(fc.boolean(), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(mixture, ({ replicas, maxSurge, maxUnavailable, old, fresh }) => {
        fc.pre(maxSurge + maxUnavailable > 0);
        const wanted = goal(replicas, { maxSurge, maxUnavailable });
        let instances = [...some('old', ...old), ...some('new', ...fresh)];
        for (let step = 0; ; step++) {
          const plan = planRollout(wanted, instances);
          if (plan.done) break;
          expect(step).toBeLessThan(60);
          const gone = new Set<InstanceId>(plan.remove);
          const readyBefore = instances.filter(({ ready }) => ready).length;
          const added = some('new', ...Array.from({ length: plan.create }, () => false));
          if (plan.create) expect(instances.length + plan.create).toBeLessThanOrEqual(replicas + maxSurge);
          instances = instances.filter(({ id }) => !gone.has(id));
          const readyAfter = instances.filter(({ ready }) => ready).length;
          if (readyAfter < readyBefore) expect(readyAfter).toBeGreaterThanOrEqual(replicas - maxUnavailable);
          // What was started becomes ready.
          instances = [...instances, ...added].map((instance) => ({ ...instance, ready: true }));
        }
        expect(instances.map(({ specHash }) => specHash)).toEqual(
          Array.from({ length: replicas }, () => 'new'),
        );
      }),
    );
  });
});
