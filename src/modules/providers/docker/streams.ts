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

/** The lines of a text, without their ends; the last one also when it has none. */
export async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.write(chunk);
    const whole = rest.split('\n');
    rest = whole.pop()!;
    for (const line of whole) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  rest += decoder.end();
  if (rest) yield rest;
}

/** Of each stream its own lines, in the order in which they ended. */
export async function* outputLines(outputs: AsyncIterable<Output>): AsyncGenerator<string> {
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  const rests = { stdout: '', stderr: '' };
  for await (const { stream, chunk } of outputs) {
    const whole = (rests[stream] + decoders[stream].write(chunk)).split('\n');
    rests[stream] = whole.pop()!;
    for (const line of whole) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const rest = rests[stream] + decoders[stream].end();
    if (rest) yield rest;
  }
}

/** One object a line, as events and the progress of a pull come. */
export async function* jsonLines<T>(chunks: Chunks): AsyncGenerator<T> {
  for await (const line of lines(chunks)) if (line.trim()) yield JSON.parse(line) as T;
}
