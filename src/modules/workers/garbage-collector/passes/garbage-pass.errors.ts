import { shown } from '../../../input/input.js';

/** Two passes of one name. */
export class DuplicatePassError extends Error {
  override readonly name = 'DuplicatePassError';

  constructor(readonly pass: string) {
    super(`There is a garbage pass "${pass}" already. Give yours another name, or register it once.`);
  }
}

/** A pass whose name cannot be one. */
export class InvalidPassError extends Error {
  override readonly name = 'InvalidPassError';

  constructor(pass: unknown) {
    super(
      `${shown(pass)} is no name of a garbage pass: use lower case letters, digits and underscores, at most 40, a letter first.`,
    );
  }
}

/** The option `skip` names a pass that does not exist. */
export class UnknownPassError extends Error {
  override readonly name = 'UnknownPassError';

  constructor(pass: string, known: readonly string[]) {
    super(`skip: there is no garbage pass "${pass}". There are ${known.join(', ')}.`);
  }
}

/** Some passes of a run failed; the others have run. */
export class FailedPassesError extends AggregateError {
  override readonly name = 'FailedPassesError';

  constructor(failures: readonly { pass: string; error: unknown; message: string }[]) {
    super(
      failures.map(({ error }) => error),
      failures.map(({ pass, message }) => `${pass}: ${message}`).join('; '),
    );
  }
}
