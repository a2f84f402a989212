const DEEPEST = 5;

/** What an error and each of its reasons say, the outermost first; empty where there is no code or message. */
export interface ErrorReason {
  readonly error: object;
  readonly code: string;
  readonly message: string;
}

/** An error and its reasons: TypeORM's `driverError`, `cause`, the attempts of a connection to several addresses. */
export function* errorReasons(error: unknown, depth = 0): Generator<ErrorReason> {
  if (typeof error !== 'object' || error === null || depth === DEEPEST) return;
  const { code, message, driverError, cause, errors } = error as Record<string, unknown>;
  yield {
    error,
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : '',
  };
  const inner = [driverError, cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  for (const reason of inner) yield* errorReasons(reason, depth + 1);
}
