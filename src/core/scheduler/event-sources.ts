import { Injectable } from '@nestjs/common';

/** Something that tells of events that workers may want to run for: an event bus, a queue, a database's NOTIFY. */
export interface EventSource {
  /**
   * Calls the handler with every event of that type from now on, the event becoming the run's payload by way
   * of JSON. One that has none, or that PostgreSQL never takes, is dropped and named in the log.
   * @returns what ends that
   */
  subscribe(type: string, handler: (event: unknown) => void): () => void;
}

/** To be logged of an event that no run can be made for. */
export function eventRefused({ message }: Error): string {
  return `An event is dropped, as it can never be run for. ${message}`;
}

/** The event sources of this application. Add yours in `onModuleInit`. */
@Injectable()
export class EventSources {
  private readonly sources: EventSource[] = [];

  add(source: EventSource): void {
    this.sources.push(source);
  }

  get empty(): boolean {
    return this.sources.length === 0;
  }

  /** Listens at all of them for all of these types. */
  subscribe(types: readonly string[], handler: (event: unknown) => void): () => void {
    const ends = this.sources.flatMap((source) => types.map((type) => source.subscribe(type, handler)));
    return () => {
      for (const end of ends) end();
    };
  }
}
