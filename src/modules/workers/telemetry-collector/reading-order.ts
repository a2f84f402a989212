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
    const places = new Map([...this.left].map((id, place) => [id, place]));
    const rank = ({ instanceId }: T) =>
      places.get(instanceId) ?? places.size + Number(this.failed.has(instanceId));
    return items.toSorted((a, b) => rank(a) - rank(b));
  }

  /**
   * @param left those that had no turn, in the order in which they waited for it
   * @param failed those that have not been read, `left` among them or not
   */
  learn(left: ReadonlySet<InstanceId>, failed: readonly { instanceId: InstanceId }[]): void {
    this.left = left;
    this.failed = new Set(failed.map(({ instanceId }) => instanceId));
  }
}
