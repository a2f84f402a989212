import { messageOf } from './describe-error.js';

/** Gathers what is wrong with options, so that one message names all of it. */
export class Problems {
  /** A sentence each. */
  readonly all: string[] = [];

  add(...problems: readonly string[]): void {
    this.all.push(...problems);
  }

  /** @returns the checked option; `standIn`, which is never used, when the check throws */
  checked<T>(option: string, standIn: T, check: () => T): T {
    try {
      return check();
    } catch (error) {
      this.add(`${option}: ${messageOf(error)}`);
      return standIn;
    }
  }
}

/**
 * One option alone.
 * @throws Fault that names the option, when the check throws
 */
export function checkedOption<T>(
  option: string,
  check: () => T,
  Fault: new (problem: string) => Error = RangeError,
): T {
  try {
    return check();
  } catch (error) {
    throw new Fault(`${option}: ${messageOf(error)}`);
  }
}
