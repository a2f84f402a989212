import { Injectable } from '@nestjs/common';
import { DuplicatePassError, InvalidPassError } from './garbage-pass.errors.js';
import { type GarbagePass, type PassScope } from './garbage-pass.js';

const NAME = /^[a-z][a-z0-9_]{0,39}$/;

/**
 * The passes of the garbage collector, in their order: those of the package, then a user's.
 *
 * @publicApi
 * @example
 * constructor(passes: GarbagePasses) {
 *   passes.register(new ExpiredReports(pool));
 * }
 */
@Injectable()
export class GarbagePasses {
  private readonly passes = new Map<string, GarbagePass>();

  /**
   * Adds one, to be run after those that are there. To be called while the application starts.
   * @throws DuplicatePassError, InvalidPassError
   */
  register(pass: GarbagePass): void {
    if (typeof pass.name !== 'string' || !NAME.test(pass.name)) throw new InvalidPassError(pass.name);
    if (this.passes.has(pass.name)) throw new DuplicatePassError(pass.name);
    this.passes.set(pass.name, pass);
  }

  find(name: string): GarbagePass | undefined {
    return this.passes.get(name);
  }

  /** Those of a scope, in the order in which they run. */
  list(scope: PassScope): GarbagePass[] {
    return [...this.passes.values()].filter((pass) => (pass.scope ?? 'cluster') === scope);
  }

  /** The names of all of them. */
  names(): string[] {
    return [...this.passes.keys()];
  }
}
