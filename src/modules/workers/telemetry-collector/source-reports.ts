import { type LoggerService } from '@nestjs/common';
import { type EventBus } from '../../events/event-bus.js';
import { storableText } from '../../database/text.js';
import { type ReadingFailure } from './resource-collection.js';

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

/** Instances that an event and the log name. */
const NAMED = 20;

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
    source.lastError = textOf(error);
    if (!mayTell(source)) return;
    logger.warn(`The ${kind} ${name} could not be read: ${source.lastError}`);
    await this.tell(`telemetry.${kind}_failed`, { [kind]: name, error: source.lastError });
  }

  /**
   * Instances of a provider that could not be read, while others were: told once an hour at most, as which ones they are may
   * change at every tick. None: all were read.
   */
  async instancesFailed(
    provider: string,
    failures: readonly ReadingFailure[],
    logger: LoggerService,
  ): Promise<void> {
    const source = this.of('provider', `${provider}: instances`);
    source.failed += failures.length;
    const [first] = failures;
    source.lastError = first && textOf(first.error);
    if (!first || !mayTell(source)) return;
    const instanceIds = failures.slice(0, NAMED).map(({ instanceId }) => instanceId);
    const more = failures.length > NAMED ? ` and ${failures.length - NAMED} more` : '';
    logger.warn(
      `Instances of the provider ${provider} could not be read: ${instanceIds.join(', ')}${more}; ` +
        `the first of them: ${source.lastError}`,
    );
    await this.tell('telemetry.provider_failed', {
      provider,
      instances: failures.length,
      instanceIds,
      error: source.lastError,
    });
  }

  /** All endpoints of instances together: there may be thousands. */
  scraped(succeeded: number, failed: number, points: number, error: unknown): void {
    if (succeeded + failed === 0) return;
    const endpoints = this.of('endpoint', 'instances');
    endpoints.succeeded += succeeded;
    endpoints.failed += failed;
    endpoints.points += points;
    endpoints.lastError = error === undefined ? undefined : textOf(error);
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

function textOf(error: unknown): string {
  return storableText(error instanceof Error ? error.message : String(error));
}

/** Notes that it is told, if it was not within the last hour. */
function mayTell(source: Source): boolean {
  const now = performance.now();
  if (source.toldAt !== undefined && now - source.toldAt < TELL_AGAIN_MS) return false;
  source.toldAt = now;
  return true;
}
