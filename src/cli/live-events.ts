import { startTimer, type Timer } from '../core/timing/timer.js';
import { type ApiClient } from './api-client.js';

/** Milliseconds without a sign of life: the application sends one every 15 s. */
const SILENCE = 40_000;

/**
 * The events of `GET /dashboard/live`. Ends with the stream, and when the application is silent for too long: after a loss of the
 * network, or when this machine has slept, no end of the connection comes.
 */
export async function* liveEvents(
  api: Pick<ApiClient, 'stream'>,
  signal: AbortSignal,
  silence = SILENCE,
): AsyncGenerator<{ event: string; data: string }> {
  const silent = new AbortController();
  let timer: Timer | undefined;
  const heard = (): void => {
    timer?.cancel();
    timer = startTimer(() => silent.abort(), silence);
  };
  try {
    heard();
    let rest = '';
    const body = await api.stream('dashboard/live', AbortSignal.any([signal, silent.signal]));
    for await (const chunk of body as unknown as AsyncIterable<string>) {
      heard();
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined && data !== undefined) yield { event, data };
      }
    }
  } catch (error) {
    if (!silent.signal.aborted) throw error;
  } finally {
    timer?.cancel();
  }
}
