import { type InstanceId } from '../../ids/typed-id.js';

/**
 * In which order instances are read one by one when there may not be time for all: first those that had no turn the last
 * time, then all others, last those that failed then. So no instance is left out twice while others are read twice, and some
 * that hang do not take the time of the rest at every tick.
 */
export class ReadingOrder {
  private left: ReadonlySet<InstanceId> = new Set();
  private failed: ReadonlySet<InstanceId> = new Set();

  of<T extends { instanceId: InstanceId }>(items: readonly T[]): T[] {
    const rank = ({ instanceId }: T) => (this.left.has(instanceId) ? 0 : this.failed.has(instanceId) ? 2 : 1);
    return items.toSorted((a, b) => rank(a) - rank(b));
  }

  /**
   * @param left those that had no turn
   * @param failed those that have not been read, `left` among them or not
   */
  learn(left: ReadonlySet<InstanceId>, failed: readonly { instanceId: InstanceId }[]): void {
    this.left = left;
    this.failed = new Set(failed.map(({ instanceId }) => instanceId));
  }
}
