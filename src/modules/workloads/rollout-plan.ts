import { type InstanceId } from '../ids/typed-id.js';
import { type Rollout } from './workload.js';

/** An instance of a workload that is not being deleted, as far as a plan needs it. Oldest first. */
export interface PlannedInstance {
  id: InstanceId;
  specHash: string;
  /** Whether others may be removed because this one is there. */
  ready: boolean;
}

/** The target of the plan. */
export interface RolloutGoal {
  specHash: string;
  replicas: number;
  rollout: Rollout;
  /**
   * Nothing is replaced: it is paused, or the deployment has failed. Missing instances are added and surplus ones
   * removed all the same.
   */
  halted: boolean;
}

/** The next step. Once it is done, and something has become ready, there is another. */
export interface RolloutPlan {
  create: number;
  remove: InstanceId[];
  /** Instances of the new spec that are ready. */
  readyNew: number;
  /** All run the new spec and are ready, in the wanted number. */
  done: boolean;
}

/**
 * The next step from the present instances to the wanted ones. Never more than `replicas + maxSurge` at a time, and
 * never fewer ready ones than `replicas - maxUnavailable` by its doing. Pure: of the same instances it makes the same
 * step, so that a crash between two steps costs nothing.
 */
export function planRollout(goal: RolloutGoal, instances: readonly PlannedInstance[]): RolloutPlan {
  const { specHash, replicas, rollout } = goal;
  const fresh = instances.filter((instance) => instance.specHash === specHash);
  const old = instances.filter((instance) => instance.specHash !== specHash);
  const readyNew = fresh.filter(({ ready }) => ready).length;
  const done = old.length === 0 && fresh.length === replicas && readyNew === replicas;
  if (old.length === 0 || goal.halted) {
    return {
      create: Math.max(0, replicas - instances.length),
      // Of a rollout that has failed its new ones go first, as they are not ready.
      remove: expendable(instances).slice(0, Math.max(0, instances.length - replicas)),
      readyNew,
      done,
    };
  }
  const ready = instances.filter((instance) => instance.ready).length;
  const least = replicas - rollout.maxUnavailable;
  const room = replicas + rollout.maxSurge - instances.length;
  const excessNew = expendable(fresh).slice(0, Math.max(0, fresh.length - replicas));
  // Old ones that are not ready may go at once, as far as the new ones that are not ready yet do not have to replace them.
  const unreadyOld = old.filter((instance) => !instance.ready);
  const unreadyGo = Math.min(
    unreadyOld.length,
    Math.max(0, instances.length - least - (fresh.length - readyNew)),
  );
  const readyGo = Math.min(old.length - unreadyOld.length, Math.max(0, ready - least));
  return {
    create: Math.max(0, Math.min(replicas - fresh.length, room)),
    remove: [
      ...excessNew,
      ...expendable(unreadyOld).slice(0, unreadyGo),
      ...expendable(old.filter((instance) => instance.ready)).slice(0, readyGo),
    ],
    readyNew,
    done,
  };
}

/** In the order in which they are given up: the newest that is not ready first, then the newest. */
function expendable(instances: readonly PlannedInstance[]): InstanceId[] {
  const newest = instances.toReversed();
  return [...newest.filter(({ ready }) => !ready), ...newest.filter(({ ready }) => ready)].map(
    ({ id }) => id,
  );
}
