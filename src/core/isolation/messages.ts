import { type LogLevel } from '../history/run-log.js';
import { type ConveyedRun } from '../worker/conveyed-run.js';
import { type RunProgress } from '../worker/run-context.js';
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

/** A run as its child gets it. */
export interface RunStart extends ConveyedRun {
  readonly attempt: number;
}

/** An argument of a logger's method. Errors lose their type in a structured clone, and are sent in parts. */
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
