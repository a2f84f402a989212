import { type RunContext } from '../worker/run-context.js';
import { type ToChild, type ToParent } from './messages.js';
import { fromWire, toWire } from './wire-error.js';

interface Asked {
  resolve(rows: unknown[]): void;
  reject(error: unknown): void;
}

/**
 * `assertCurrent` of a run whose transaction is in its child: the coordinator's statement goes there, and its rows come
 * back.
 */
export class Queries {
  private readonly asked = new Map<number, Asked>();
  private last = 0;

  constructor(private readonly post: (message: ToChild) => void) {}

  async assert(context: RunContext): Promise<void> {
    try {
      await context.assertCurrent({ query: (sql, parameters = []) => this.query(sql, parameters) });
      this.post({ type: 'asserted' });
    } catch (error) {
      this.post({ type: 'asserted', error: toWire(error) });
    }
  }

  answered({ id, rows, error }: ToParent & { type: 'rows' }): void {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    if (error) asked?.reject(fromWire(error));
    else asked?.resolve(rows ?? []);
  }

  /** The run has ended: nobody answers any more. */
  end(): void {
    for (const { reject } of this.asked.values()) reject(new Error('The run has ended'));
    this.asked.clear();
  }

  private query(sql: string, parameters: unknown[]): Promise<unknown[]> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.post({ type: 'query', id, sql, parameters });
    });
  }
}
