import { setImmediate } from 'node:timers';

/**
 * Joins calls for several values in one call at a time: those of one turn of the event loop, which brings many answers of a
 * server at once, and those that come during the call before. So an answer is never older than its call.
 */
export class Coalesced<In, Out> {
  private next?: NextCall<In, Out>;
  private active: Promise<unknown> = Promise.resolve();

  constructor(private readonly call: (values: readonly In[]) => Promise<Out>) {}

  /** What the call for it answers. */
  of(value: In): Promise<Out> {
    return this.nextWith(value).answer;
  }

  /** Resolves when the call for it was made, and does not wait for its answer. */
  made(value: In): Promise<void> {
    return this.nextWith(value).made;
  }

  private nextWith(value: In): NextCall<In, Out> {
    const next = (this.next ??= this.begin());
    next.values.push(value);
    return next;
  }

  private begin(): NextCall<In, Out> {
    const values: In[] = [];
    let tell!: () => void;
    const made = new Promise<void>((resolve) => (tell = resolve));
    const answer = this.callWhenIdle(values, tell);
    this.active = answer.catch(() => {});
    return { values, made, answer };
  }

  private async callWhenIdle(values: readonly In[], made: () => void): Promise<Out> {
    await this.active;
    await new Promise((resolve) => setImmediate(resolve));
    this.next = undefined;
    const answer = this.call(values);
    made();
    return answer;
  }
}

/** A call that waits for the one before. */
interface NextCall<In, Out> {
  readonly values: In[];
  readonly made: Promise<void>;
  readonly answer: Promise<Out>;
}
