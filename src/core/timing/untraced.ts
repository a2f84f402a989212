/** What is needed of OpenTelemetry's `ContextManager` and `Context`. */
interface ContextManager {
  active(): { setValue(key: symbol, value: unknown): unknown };
  with<T>(context: unknown, call: () => T): T;
}

/** Where `@opentelemetry/api` 1 keeps what an SDK has registered, so that all copies of it in a process find that. */
const API = Symbol.for('opentelemetry.js.api.1');
/** `suppressTracing` of `@opentelemetry/core` sets this. */
const SUPPRESS_TRACING = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * Calls it without spans of whatever instruments the libraries that it uses: announcements and heartbeats are no part of
 * what the application does, and were half of all its spans. Does nothing else where no OpenTelemetry SDK is started; it
 * is looked up where an application's own copy puts it, as this package must not bring another one.
 */
export function untraced<T>(call: () => T): T {
  const { context } = ((globalThis as Record<symbol, unknown>)[API] ?? {}) as { context?: ContextManager };
  return context ? context.with(context.active().setValue(SUPPRESS_TRACING, true), call) : call();
}
