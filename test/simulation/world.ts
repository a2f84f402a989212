/** Something that happens at an instant. */
export interface Happening {
  cancel(): void;
}

/** What an ordinary seed needs several times over. */
const MOST = 200_000;

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly quiet: boolean;
  action: (() => void) | undefined;
}

/**
 * True time, which nobody in the simulation can see, and everything that is to happen in it. What an event sets off
 * runs as far as it can without time before the next one, so the same seed makes the same history.
 */
export class World {
  /** Milliseconds since the beginning. */
  now = 0;
  /** Set when the simulation is to end at once. */
  over = false;
  private readonly heap: Entry[] = [];
  private made = 0;
  happened = 0;
  /** Work outside of the simulation that is under way. */
  private outside = 0;
  private goOn?: () => void;

  /**
   * Calls back at that instant, or now if it has passed.
   * @param quiet it sets nothing off, so that nothing has to settle before the next one
   */
  at(at: number, action: () => void, quiet = false): Happening {
    if (Number.isNaN(at)) throw new Error('something is to happen at no time at all');
    const entry: Entry = { at: Math.max(at, this.now), order: this.made++, action, quiet };
    this.push(entry);
    return { cancel: () => (entry.action = undefined) };
  }

  in(ms: number, action: () => void, quiet = false): Happening {
    return this.at(this.now + ms, action, quiet);
  }

  /** No time passes until it has settled, such as an answer of a real database. */
  async standStill<T>(work: Promise<T>): Promise<T> {
    this.outside++;
    try {
      return await work;
    } finally {
      if (--this.outside === 0) this.goOn?.();
    }
  }

  /** Lets time pass. Rejects with what an action throws. */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        if (this.outside > 0) return void (this.goOn = () => setImmediate(step));
        try {
          if (this.next(until)) setImmediate(step);
          else resolve();
        } catch (error) {
          reject(error as Error);
        }
      };
      setImmediate(step);
    });
  }

  /** @returns whether something happened: then it has to settle, which promises have when an immediate fires. */
  private next(until: number): boolean {
    while (!this.over && this.heap[0] && this.heap[0].at <= until) {
      const { at, action, quiet } = this.pop();
      if (!action) continue;
      this.now = at;
      // A loop that never waits would go on for ever in no time.
      if (++this.happened > MOST)
        throw new Error(`${MOST} things have happened, and there is no end to them`);
      action();
      if (!quiet || this.outside > 0) return true;
    }
    if (!this.over) this.now = until;
    return false;
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  private pop(): Entry {
    const { heap } = this;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
