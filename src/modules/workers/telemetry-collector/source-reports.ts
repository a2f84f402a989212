import { type LoggerService } from '@nestjs/common';
import { type EventBus } from '../../events/event-bus.js';
import { storableText } from '../../database/text.js';

export type SourceKind = 'provider' | 'collector' | 'endpoint';

/** What a source has given since this process started. */
export interface SourceCounts {
  readonly kind: SourceKind;
  readonly name: string;
  /** Readings or samples. */
  points: number;
  succeeded: number;
  failed: number;
  /** Why it failed the last time; absent once it has succeeded since. */
  lastError?: string;
}

interface Source extends SourceCounts {
  /** Monotonic; of the failure that goes on. */
  toldAt?: number;
}

const TELL_AGAIN_MS = 3_600_000;

/** Who gave what, and who failed: one event when it begins to fail, one an hour while it goes on, one when it is over. */
export class SourceReports {
  private readonly sources = new Map<string, Source>();

  constructor(private readonly events?: EventBus) {}

  counts(): SourceCounts[] {
    return [...this.sources.values()].map(({ toldAt: _, ...counts }) => counts);
  }

  async succeeded(kind: SourceKind, name: string, points: number): Promise<void> {
    const source = this.of(kind, name);
    source.points += points;
    source.succeeded++;
    source.lastError = undefined;
    if (source.toldAt === undefined) return;
    source.toldAt = undefined;
    await this.tell(`telemetry.${kind}_recovered`, { [kind]: name });
  }

  async failed(kind: SourceKind, name: string, error: unknown, logger: LoggerService): Promise<void> {
    const source = this.of(kind, name);
    source.failed++;
    source.lastError = storableText(error instanceof Error ? error.message : String(error));
    if (source.toldAt !== undefined && performance.now() - source.toldAt < TELL_AGAIN_MS) return;
    source.toldAt = performance.now();
    logger.warn(`The ${kind} ${name} could not be read: ${source.lastError}`);
    await this.tell(`telemetry.${kind}_failed`, { [kind]: name, error: source.lastError });
  }

  /** Some of its instances could not be read; it has succeeded all the same. */
  async partlyFailed(kind: SourceKind, name: string, failures: number, error: unknown): Promise<void> {
    const partly = this.of(kind, `${name}: instances`);
    partly.failed += failures;
    partly.lastError = storableText(String(error));
    if (partly.toldAt !== undefined && performance.now() - partly.toldAt < TELL_AGAIN_MS) return;
    partly.toldAt = performance.now();
    await this.tell(`telemetry.${kind}_failed`, {
      [kind]: name,
      instances: failures,
      error: partly.lastError,
    });
  }

  /** All endpoints of instances together: there may be thousands. */
  scraped(succeeded: number, failed: number, points: number, error: unknown): void {
    if (succeeded + failed === 0) return;
    const endpoints = this.of('endpoint', 'instances');
    endpoints.succeeded += succeeded;
    endpoints.failed += failed;
    endpoints.points += points;
    endpoints.lastError = error === undefined ? undefined : storableText(String(error));
  }

  private of(kind: SourceKind, name: string): Source {
    const key = `${kind} ${name}`;
    const known = this.sources.get(key);
    if (known) return known;
    const made: Source = { kind, name, points: 0, succeeded: 0, failed: 0 };
    this.sources.set(key, made);
    return made;
  }

  private async tell(type: string, payload: Record<string, unknown>): Promise<void> {
    // The database may be away as well: it is in the log and in the counts.
    await this.events?.publish({ type, payload }).catch(() => {});
  }
}
