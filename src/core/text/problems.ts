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

/** @throws RangeError that names the option, when the check throws */
export function checkedOption<T>(option: string, check: () => T): T {
  const problems = new Problems();
  const checked = problems.checked<T | undefined>(option, undefined, check);
  if (problems.all.length > 0) throw new RangeError(problems.all[0]);
  return checked as T;
}
