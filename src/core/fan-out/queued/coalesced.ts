import { setImmediate } from 'node:timers';

/**
 * Joins calls for several values in one call at a time: those of one turn of the event loop, which brings many answers of a
 * server at once, and those that come during the call before. So an answer is never older than its call.
 */
export class Coalesced<In, Out> {
  private next?: { values: In[]; answer: Promise<Out> };
  private active: Promise<unknown> = Promise.resolve();

  constructor(private readonly call: (values: readonly In[]) => Promise<Out>) {}

  of(value: In): Promise<Out> {
    if (!this.next) {
      const values: In[] = [];
      const answer = this.callWhenIdle(values);
      this.next = { values, answer };
      this.active = answer.catch(() => {});
    }
    this.next.values.push(value);
    return this.next.answer;
  }

  private async callWhenIdle(values: readonly In[]): Promise<Out> {
    await this.active;
    await new Promise((resolve) => setImmediate(resolve));
    this.next = undefined;
    return this.call(values);
  }
}
