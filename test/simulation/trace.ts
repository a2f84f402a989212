import { EPOCH } from './store-clock.js';

/** What happened, one line each, for people. Off, it costs nothing. */
export class Trace {
  readonly lines: string[] = [];
  private readonly names = new Map<string, string>();

  constructor(
    readonly on: boolean,
    private readonly now: () => number,
  ) {}

  /** @param line made only if somebody wants to read it */
  note(who: string, line: () => string): void {
    if (this.on) this.lines.push(`${instant(this.now()).padStart(11)}  ${who.padEnd(6)} ${line()}`);
  }

  /** A name for an id that is another one every time. */
  alias(kind: string, id: string | undefined): string {
    if (id === undefined) return '-';
    let name = this.names.get(id);
    if (!name) this.names.set(id, (name = `${kind}${this.names.size + 1}`));
    return name;
  }
}

/** Seconds since the beginning, by the store's clock. */
export function instant(ms: number | undefined): string {
  return ms === undefined || !Number.isFinite(ms) ? String(ms) : ((ms - EPOCH) / 1_000).toFixed(3);
}
