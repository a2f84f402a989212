import { orAborted } from './waiting.js';

/** Runs tasks of one key one after the other, in the order of their calls; tasks of different keys side by side. */
export class KeyedQueue<K> {
  private readonly lasts = new Map<K, Promise<void>>();

  /**
   * What the task gives. While it waits for its turn it can be called off by the signal, without being run and without
   * letting anybody pass those before it; once it runs the task has to heed the signal itself.
   */
  async run<T>(key: K, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.lasts.get(key) ?? Promise.resolve();
    const turn = orAborted(before, signal).then(task);
    const last = Promise.allSettled([before, turn]).then(() => {
      if (this.lasts.get(key) === last) this.lasts.delete(key);
    });
    this.lasts.set(key, last);
    return turn;
  }
}
