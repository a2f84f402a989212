/** What the command's process ends with. Part of its interface: docs/cli.md lists them. */
export const EXIT = {
  ok: 0,
  /** The command worked, and its result is bad: the run that it waited for did not succeed, `doctor` found faults. */
  failed: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** The server refuses it: there is no such thing, the state of things forbids it, a value cannot be. */
  refused: 3,
  /** No token, a wrong one, or one that may not do this. */
  denied: 4,
  /** The server, or the database, cannot be reached or used. */
  unavailable: 5,
} as const;

/** Ends the command with this message and code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}
