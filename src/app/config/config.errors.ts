/** One environment variable that cannot be used. `message` says why and what to do; it holds no secret. */
export interface ConfigProblem {
  variable: string;
  message: string;
}

/** An environment that the app cannot start with. The message has one line for each variable at fault. */
export class AppConfigError extends Error {
  override readonly name = 'AppConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, message }) => `  ${variable} ${message}`);
    super(`Cannot start with this environment:\n${lines.join('\n')}`);
  }
}
