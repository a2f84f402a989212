import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import {
  context as contexts,
  isSpanContextValid,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { RunAbortedError, RunCancelledError, RunTimeoutError } from '../execution/execution.errors.js';
import { type RunInterceptor, RunInterceptors } from '../execution/run-interceptor.js';
import { type RunOutcome } from '../history/run.js';
import { classAndMessageOf, describeError } from '../text/describe-error.js';
import { type RunContext, ShardContext } from '../worker/run-context.js';
import { ATTRIBUTE, SCOPE } from './names.js';
import { OPENTELEMETRY_OPTIONS } from './opentelemetry.module-definition.js';
import { type OpenTelemetryOptions } from './opentelemetry.options.js';

/**
 * A span around each run, as the root of a new trace, since a run that a request triggers outlives the request. It has a
 * link to the span that triggered it. Also around each shard that a queue brings to a replica.
 */
@Injectable()
export class RunSpans implements RunInterceptor, OnModuleInit {
  constructor(
    @Inject(OPENTELEMETRY_OPTIONS) private readonly options: OpenTelemetryOptions,
    private readonly interceptors: RunInterceptors,
  ) {}

  onModuleInit(): void {
    this.interceptors.add(this);
  }

  async intercept<T>(run: RunContext, next: () => Promise<T>): Promise<T> {
    const tracer = (this.options.tracerProvider ?? trace).getTracer(SCOPE);
    const caller = trace.getSpanContext(contexts.active());
    const { worker, runId, trigger, attempt, slot } = run;
    const attributes = {
      [ATTRIBUTE.worker]: worker,
      [ATTRIBUTE.runId]: runId,
      [ATTRIBUTE.trigger]: trigger,
      [ATTRIBUTE.attempt]: attempt,
      ...(slot && { [ATTRIBUTE.slot]: slot.toISOString() }),
    };
    const links = caller && isSpanContextValid(caller) ? [{ context: caller }] : [];
    const name = run instanceof ShardContext ? `shard ${run.shard}` : `worker ${worker}`;
    return tracer.startActiveSpan(name, { root: true, attributes, links }, async (span) => {
      try {
        const result = await next();
        span.setAttribute(ATTRIBUTE.outcome, outcomeOf(run, false));
        return result;
      } catch (error) {
        failed(span, run, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }
}

/** Describes the thrown value first, which may be anything: the SDK reads properties of an error. */
function failed(span: Span, run: RunContext, error: unknown): void {
  const { name = 'Error', message, stack } = describeError(error);
  span.recordException({ name, message, ...(stack !== undefined && { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message: classAndMessageOf(error) });
  span.setAttributes({ [ATTRIBUTE.errorType]: name, [ATTRIBUTE.outcome]: outcomeOf(run, true) });
}

/** The outcome that the record will have: by the reason of the aborted signal, whatever the run then returned. */
function outcomeOf({ signal }: RunContext, threw: boolean): RunOutcome {
  const reason: unknown = signal.reason;
  if (reason instanceof RunTimeoutError) return 'timed_out';
  if (reason instanceof RunCancelledError && reason.by) return 'cancelled';
  if (reason instanceof RunAbortedError) return 'aborted';
  return threw ? 'failed' : 'succeeded';
}
