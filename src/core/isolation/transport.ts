import { type IsolatedFile } from '../registry/isolate-rules.js';
import { type IsolationKind } from '../worker/isolate.js';
import { type ToChild, type ToParent } from './messages.js';

/** How a child has ended. */
export interface Exit {
  /** Null when it was ended by a signal, or did not start. */
  readonly code: number | null;
  readonly signal?: string | undefined;
  /** What Node says of it: no memory is left, it could not be started. */
  readonly error?: unknown;
}

/** What a child is started with. */
export interface ChildOptions extends Pick<IsolatedFile, 'memory' | 'execArgv'> {
  /** Shown by debuggers. */
  readonly name: string;
}

export interface TransportEvents {
  received(message: ToParent): void;
  /** Called once, after the last message. */
  exited(exit: Exit): void;
}

/** A thread or process that has been started, and the way to it. */
export interface Transport {
  readonly kind: IsolationKind;
  /** Of a process. */
  readonly pid: number | undefined;
  /** Does nothing when it has ended. @throws DataCloneError for what cannot be copied */
  post(message: ToChild): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
  /** Whether it keeps the application's process alive. */
  hold(): void;
  release(): void;
}
