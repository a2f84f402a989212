/**
 * A sentence of behaviour that holds for every implementation of a port. A contract suite is an array of these, for any
 * test runner: `for (const c of runStoreContract(setup)) it(c.name, c.run)`.
 */
export interface ContractCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the sentence does not hold. */
  run(): Promise<void>;
}

/**
 * Makes a contract suite of sentences and their tests, which get the result of `setup`. Each case calls `setup`, and the
 * `teardown` of its result when the case has ended, also when it failed.
 *
 * @publicApi
 * @example
 * export const stackContract = (setup: () => Stack) =>
 *   contract(setup, {
 *     'gives back what was pushed last': async (stack) => {
 *       stack.push(1);
 *       assert.equal(stack.pop(), 1);
 *     },
 *   });
 */
export function contract<S>(
  setup: () => S | Promise<S>,
  sentences: Readonly<Record<string, (subject: S) => Promise<void>>>,
): ContractCase[] {
  return Object.entries(sentences).map(([name, show]) => ({
    name,
    run: async () => {
      const subject = await setup();
      try {
        await show(subject);
      } finally {
        await (subject as { teardown?(): Promise<void> } | undefined)?.teardown?.();
      }
    },
  }));
}
