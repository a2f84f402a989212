/**
 * One sentence of behaviour that every implementation of a port keeps. A contract suite is an array of
 * these, tied to no test runner: `for (const c of runStoreContract(setup)) it(c.name, c.run)`.
 */
export interface ContractCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the implementation breaks the sentence. */
  run(): Promise<void>;
}
