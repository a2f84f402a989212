/** The parts of OpenTelemetry's `ContextManager` and `Context` that are used. */
interface ContextManager {
  active(): { setValue(key: symbol, value: unknown): unknown };
  with<T>(context: unknown, call: () => T): T;
}

/** The global under which `@opentelemetry/api` 1 keeps what an SDK has registered, for all copies of it in a process. */
const API = Symbol.for('opentelemetry.js.api.1');
/** `suppressTracing` of `@opentelemetry/core` sets this. */
const SUPPRESS_TRACING = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * Calls a function without spans of instrumented libraries: announcements and heartbeats are not part of the
 * application's work, and were half of all its spans. Without an OpenTelemetry SDK it only calls the function. It reads
 * the global of the application's own copy of the API, as this package must not bring another copy.
 */
export function untraced<T>(call: () => T): T {
  const { context } = ((globalThis as Record<symbol, unknown>)[API] ?? {}) as { context?: ContextManager };
  return context ? context.with(context.active().setValue(SUPPRESS_TRACING, true), call) : call();
}
