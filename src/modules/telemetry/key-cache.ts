/** What a pool, a client and a fake have in common. */
export interface Queryable {
  query<Row extends object>(sql: string, values: unknown[]): Promise<{ rows: Row[] }>;
}

/** Milliseconds for which a number is believed: after it, the row that it stands for is touched again, so that it stays. */
const BELIEVED_FOR = 600_000;

const MOST = 1_000_000;

/** Numbers by name, for a while. */
export class KeyCache {
  private readonly known = new Map<string, { id: number; until: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  has(name: string): boolean {
    const entry = this.known.get(name);
    return entry !== undefined && entry.until > this.now();
  }

  /** The number, also when it is not believed any more. @throws Error when there is none */
  get(name: string): number {
    const entry = this.known.get(name);
    if (!entry) throw new Error(`There is no number for ${name}`);
    return entry.id;
  }

  set(name: string, id: number): void {
    if (this.known.size >= MOST) this.known.clear();
    // Not all at the same time, or a thousand instances that came together would come together for ever.
    const until = this.now() + BELIEVED_FOR * (0.5 + Math.random() / 2);
    this.known.set(name, { id, until });
  }

  delete(name: string): void {
    this.known.delete(name);
  }
}
