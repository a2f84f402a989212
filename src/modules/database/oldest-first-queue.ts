/** A row of things of which the oldest is taken first. Taking and dropping cost the same however long it is. */
export class OldestFirstQueue<T> {
  private items: T[] = [];
  /** Those before it are gone. */
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Takes out up to this many, the oldest first. */
  take(count: number): T[] {
    const taken = this.items.slice(this.head, this.head + count);
    this.drop(taken.length);
    return taken;
  }

  /** Forgets the n oldest. */
  drop(count: number): void {
    // What is dropped must be free to be collected, although the array is shortened only now and then.
    this.items.fill(undefined as T, this.head, this.head + count);
    this.head = Math.min(this.head + count, this.items.length);
    if (this.head * 2 < this.items.length) return;
    this.items = this.items.slice(this.head);
    this.head = 0;
  }

  /** Puts what was taken back to where it was, before all others. */
  putBack(items: readonly T[]): void {
    this.items = [...items, ...this.items.slice(this.head)];
    this.head = 0;
  }
}
