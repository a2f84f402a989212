/**
 * One sentence of behaviour that every implementation of a port keeps. A contract suite is an array of
 * these, tied to no test runner: `for (const c of runStoreContract(setup)) it(c.name, c.run)`.
 */
export interface ContractCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the implementation breaks the sentence. */
  run(): Promise<void>;
}

/**
 * A contract suite: each sentence, and what shows that what `setup` gives keeps it. `setup` is called by each case, and the
 * `teardown` of what it gives when the case has ended, however it did.
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
