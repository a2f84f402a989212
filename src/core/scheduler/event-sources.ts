import { Injectable } from '@nestjs/common';

/** A source of events that workers run on: an event bus, a queue, a database's NOTIFY. */
export interface EventSource {
  /**
   * Calls the handler with every event of that type from now on. The JSON of the event becomes the run's payload. An
   * event without JSON, or that PostgreSQL can never store, is dropped and logged.
   * @returns a function that ends the subscription
   */
  subscribe(type: string, handler: (event: unknown) => void): () => void;
}

/** Log line for an event that no run can be made for. */
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

  /**
   * Subscribes to all of these types at all sources.
   * @returns a function that ends all subscriptions
   */
  subscribe(types: readonly string[], handler: (event: unknown) => void): () => void {
    const ends = this.sources.flatMap((source) => types.map((type) => source.subscribe(type, handler)));
    return () => {
      for (const end of ends) end();
    };
  }
}
