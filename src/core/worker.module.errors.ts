/** Several `WorkerModule`s with options of their own: each would run every worker. */
export class WorkerModuleImportedTwiceError extends Error {
  override readonly name = 'WorkerModuleImportedTwiceError';

  /** @param importers names of the modules that import one, as far as their decorators tell */
  constructor(
    readonly count: number,
    readonly importers: readonly string[],
  ) {
    super(
      `forRoot or forRootAsync of WorkerModule was called ${count} times` +
        `${importers.length > 0 ? ` (imported by ${importers.join(', ')})` : ''}, and each would run every worker. ` +
        'Call it once, in the root module: it is global, so Scheduler can be injected in any other without an ' +
        'import. A module that must import it shares the result: export const workers = WorkerModule.forRoot(…)',
    );
  }
}

/** `imports: [WorkerModule]`, without options. */
export class WorkerModuleNotConfiguredError extends Error {
  override readonly name = 'WorkerModuleNotConfiguredError';

  constructor() {
    super(
      'WorkerModule is imported without forRoot: write WorkerModule.forRoot() in the root module, once. ' +
        'It is global, so no other module has to import it',
    );
  }
}

/** Invalid options of `WorkerModule`; the message lists all that is wrong. */
export class InvalidModuleOptionsError extends Error {
  override readonly name = 'InvalidModuleOptionsError';

  /** @param problems one sentence each: option, value, and the fix */
  constructor(readonly problems: readonly string[]) {
    super(
      `The options of WorkerModule cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
}
