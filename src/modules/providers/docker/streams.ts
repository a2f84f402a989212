import { StringDecoder } from 'node:string_decoder';

type Chunks = AsyncIterable<Buffer>;

/** A part of the output of a program. */
export interface Output {
  stream: 'stdout' | 'stderr';
  chunk: Buffer;
}

const HEADER_BYTES = 8;

/**
 * Takes apart what the Engine API has put together: frames, of a header with which stream it is and the length, and the
 * output. docker-modem has this too; it calls itself for each frame, and a chunk of short lines fills the stack.
 */
export async function* demultiplex(chunks: Chunks): AsyncGenerator<Output> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + rest.readUInt32BE(at + 4);
      if (end > rest.length) break;
      const stream = rest[at] === 2 ? 'stderr' : 'stdout';
      yield { stream, chunk: rest.subarray(at + HEADER_BYTES, end) };
      at = end;
    }
    rest = rest.subarray(at);
  }
}

/** Makes lines, without their ends, of a text that comes in pieces. */
class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  /** @returns those that end in this piece */
  take(chunk: Buffer): string[] {
    const whole = (this.rest + this.decoder.write(chunk)).split('\n');
    this.rest = whole.pop()!;
    return whole.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** @returns the last one, if it has no end */
  end(): string[] {
    const rest = this.rest + this.decoder.end();
    return rest ? [rest] : [];
  }
}

async function* lines(chunks: Chunks): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  for await (const chunk of chunks) yield* splitter.take(chunk);
  yield* splitter.end();
}

/** Of each stream its own lines, in the order in which they ended. */
export async function* outputLines(outputs: AsyncIterable<Output>): AsyncGenerator<string> {
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  for await (const { stream, chunk } of outputs) yield* splitters[stream].take(chunk);
  for (const splitter of Object.values(splitters)) yield* splitter.end();
}

/** One object a line, as events and the progress of a pull come. */
export async function* jsonLines<T>(chunks: Chunks): AsyncGenerator<T> {
  for await (const line of lines(chunks)) if (line.trim()) yield JSON.parse(line) as T;
}
