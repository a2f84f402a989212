import { ApiError, detailOf, urlOf } from '../api.js';

/** Milliseconds without a sign of life: the server sends one every 15 s. */
const SILENCE = 40_000;

/**
 * Reads a stream of server-sent events until it ends. Not `EventSource`, which does not say why it was refused.
 * @throws ApiError when the server refuses it, TypeError when it cannot be reached
 */
export async function readEvents(
  path: string,
  signal: AbortSignal,
  heard: (event: string, data: string) => void,
): Promise<void> {
  const silent = new AbortController();
  const both = AbortSignal.any([signal, silent.signal]);
  const answer = await fetch(urlOf(path), { signal: both });
  if (!answer.ok)
    throw new ApiError(
      answer.status,
      detailOf(await answer.text()) ?? `${answer.status} ${answer.statusText}`,
    );
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let timer = 0;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = window.setTimeout(() => silent.abort(), SILENCE);
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (event && data) heard(event, data);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
