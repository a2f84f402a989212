import { setImmediate } from 'node:timers';

/**
 * Joins calls for several values in one call at a time: those of one turn of the event loop, which brings many answers of a
 * server at once, and those that come during the call before. So an answer is never older than its call.
 */
export class Coalesced<In, Out> {
  private next?: NextCall<In, Out> | undefined;
  private active: Promise<unknown> = Promise.resolve();

  constructor(private readonly call: (values: readonly In[]) => Promise<Out>) {}

  /** What the call for it answers. */
  of(value: In): Promise<Out> {
    const next = (this.next ??= this.begin());
    next.values.push(value);
    return next.answer;
  }

  private begin(): NextCall<In, Out> {
    const values: In[] = [];
    const answer = this.callWhenIdle(values);
    this.active = answer.catch(() => {});
    return { values, answer };
  }

  private async callWhenIdle(values: readonly In[]): Promise<Out> {
    await this.active;
    await new Promise((resolve) => setImmediate(resolve));
    this.next = undefined;
    return this.call(values);
  }
}

/** A call that waits for the one before. */
interface NextCall<In, Out> {
  readonly values: In[];
  readonly answer: Promise<Out>;
}
