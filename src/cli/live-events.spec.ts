import { describe, expect, it } from '@jest/globals';
import { liveEvents } from './live-events.js';

const never = new AbortController().signal;

/** A stream that sends these chunks, and then either ends or says nothing more. */
function streaming(chunks: readonly string[], ends: boolean) {
  return {
    stream: (_path: string, signal: AbortSignal): Promise<ReadableStream<string>> =>
      Promise.resolve(
        new ReadableStream<string>({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            if (ends) controller.close();
            else signal.addEventListener('abort', () => controller.error(signal.reason));
          },
        }),
      ),
  };
}

async function heard(api: ReturnType<typeof streaming>, signal = never): Promise<string[]> {
  const all: string[] = [];
  for await (const { event, data } of liveEvents(api, signal, 20)) all.push(`${event} ${data}`);
  return all;
}

describe('the live stream', () => {
  it('is read event by event, however it is cut into pieces', async () => {
    const chunks = ['retry: 2000\n\nevent: snap', 'shot\ndata: {"a":1}\n', '\n:\n\nevent: end\ndata: {}\n\n'];
    expect(await heard(streaming(chunks, true))).toEqual(['snapshot {"a":1}', 'end {}']);
  });

  it('ends when it is silent for too long', async () => {
    expect(await heard(streaming(['event: snapshot\ndata: {}\n\n'], false))).toEqual(['snapshot {}']);
  });

  it('ends with the reason of whoever stops it', async () => {
    const stopping = new AbortController();
    const reading = heard(streaming([], false), stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(reading).rejects.toThrow('stopped');
  });
});
