/**
 * Joins calls for several values in one call at a time. A call during another one waits for the next, which all of them
 * share, so an answer is never older than its call.
 */
export class Coalesced<In, Out> {
  private next?: { values: In[]; answer: Promise<Out> };
  private active: Promise<unknown> = Promise.resolve();

  constructor(private readonly call: (values: readonly In[]) => Promise<Out>) {}

  of(value: In): Promise<Out> {
    if (!this.next) {
      const values: In[] = [];
      const answer = this.active.then(() => {
        this.next = undefined;
        return this.call(values);
      });
      this.next = { values, answer };
      this.active = answer.catch(() => {});
    }
    this.next.values.push(value);
    return this.next.answer;
  }
}
