import { type LogLevel } from '../history/run-log.js';
import { type RunProgress, type RunTrigger } from '../worker/run-context.js';
import { type WireError } from './wire-error.js';

// What the parent, the application, and its child, a thread or process, say to each other. A child has one run at a time.

/** The first message: what the child is to load. */
export interface ChildSetup {
  /** Of the file that exports the module. */
  readonly href: string;
  readonly export: string | undefined;
  /** The options of `WorkerModule` that decide how a worker is found and called. */
  readonly options: object;
  /** The application's process: a child process ends when it does. */
  readonly parent: number;
}

/** A run as its child gets it. Instants are milliseconds since the epoch. */
export interface RunStart {
  readonly worker: string;
  readonly runId: string;
  readonly slot: number | undefined;
  readonly attempt: number;
  readonly trigger: RunTrigger;
  readonly actor: string | undefined;
  readonly scheduledAt: number;
  readonly startedAt: number;
  readonly payload: unknown;
  readonly fencingToken: number | undefined;
}

/** An argument of a logger's method; an error as it is on its way. */
export type LoggedArgument = { readonly value: unknown } | { readonly error: WireError };

export type ToChild =
  | { readonly type: 'setup'; readonly setup: ChildSetup }
  | { readonly type: 'run'; readonly run: RunStart; readonly answers: boolean }
  | { readonly type: 'abort'; readonly reason: WireError }
  | { readonly type: 'query'; readonly id: number; readonly sql: string; readonly parameters: unknown[] }
  | { readonly type: 'asserted'; readonly error?: WireError }
  | { readonly type: 'end' };

export type ToParent =
  | { readonly type: 'ready'; readonly workers: readonly string[] }
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'progress'; readonly progress: RunProgress }
  | { readonly type: 'metrics'; readonly metrics: Readonly<Record<string, number>> }
  /** By `context.logger`, which keeps the line in the run's record. */
  | { readonly type: 'line'; readonly level: LogLevel; readonly args: readonly LoggedArgument[] }
  /** By any other logger of Nest. */
  | { readonly type: 'log'; readonly level: LogLevel; readonly args: readonly LoggedArgument[] }
  /** `assertCurrent`: the parent knows whether the run is current, the child has the transaction. */
  | { readonly type: 'assert' }
  | { readonly type: 'rows'; readonly id: number; readonly rows?: unknown[]; readonly error?: WireError }
  /** `thrown` absent: it succeeded. `byAbort`: it has thrown the reason of its signal. */
  | {
      readonly type: 'ended';
      readonly thrown?: WireError;
      readonly byAbort?: true;
      readonly result?: unknown;
    }
  /** The error that ends the child. */
  | { readonly type: 'crash'; readonly error: WireError };
