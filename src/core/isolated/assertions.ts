import { rowsIn } from '../postgres/rows-in.js';
import { type ToChild } from '../isolation/messages.js';
import { toWire } from '../isolation/wire-error.js';
import { type TransactionRunner } from '../worker/run-context.js';
import { type Channel } from './channel.js';
import { errorOf } from './known-errors.js';

/** `assertCurrent` from here: the application asks its coordinator, whose statement runs in the transaction of the caller. */
export class Assertions {
  private manager?: TransactionRunner;
  private settle?: (error?: unknown) => void;
  /** One after the other: the statement does not say to which of several it belongs. */
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly channel: Channel) {}

  assert(manager: TransactionRunner): Promise<void> {
    const asserted = this.last.then(() => this.ask(manager));
    this.last = asserted.catch(() => {});
    return asserted;
  }

  private ask(manager: TransactionRunner): Promise<void> {
    this.manager = manager;
    return new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error as Error));
      this.channel.post({ type: 'assert' });
    });
  }

  asserted({ error }: ToChild & { type: 'asserted' }): void {
    this.settle?.(error && errorOf(error));
  }

  async query({ id, sql, parameters }: ToChild & { type: 'query' }): Promise<void> {
    try {
      const rows = await rowsIn(this.manager!, sql, parameters as (string | number)[]);
      this.channel.post({ type: 'rows', id, rows });
    } catch (error) {
      this.channel.post({ type: 'rows', id, error: toWire(error) });
    }
  }
}
