/** A message of a stream of server-sent events. */
export interface StreamMessage {
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of any shape
  data: any;
}

/** Reads server-sent events, as they come. */
export class EventStream {
  /** All so far. */
  readonly messages: StreamMessage[] = [];
  /** Whether the server has ended it, or the connection. */
  ended = false;
  readonly done: Promise<void>;
  private readonly stopping = new AbortController();
  private wake = () => {};

  private constructor(readonly response: Response) {
    this.done = this.read();
  }

  static async open(url: string, init: RequestInit = {}): Promise<EventStream> {
    return new EventStream(await fetch(url, init));
  }

  /** The first message for which this holds, of those that are there or come. Rejects with all of them at the end of the stream. */
  async message(wanted: (message: StreamMessage) => boolean): Promise<StreamMessage> {
    for (;;) {
      const found = this.messages.find(wanted);
      if (found) return found;
      if (this.ended) throw new Error(`The stream ended: ${JSON.stringify(this.messages).slice(0, 2_000)}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.done;
  }

  private async read(): Promise<void> {
    const reader = this.response.body!.pipeThrough(new TextDecoderStream()).getReader();
    this.stopping.signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
    let rest = '';
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) this.take(block);
        this.wake();
      }
    } catch {
      // The connection has ended.
    }
    this.ended = true;
    this.wake();
  }

  private take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const [event, data] = [field('event'), field('data')];
    if (event && data) this.messages.push({ event, data: JSON.parse(data) as unknown });
  }
}
