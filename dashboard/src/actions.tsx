import { type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, post } from './api.js';
import { TokenForm } from './notice.js';

/** Asks the reader, then the server, and says what came of it; asks for the token where one is needed. */
export type Act = (
  path: string,
  question: string,
  /** What is said when it was done, maybe by the answer. */
  said: string | ((answer: unknown) => string),
  request?: { method?: string | undefined; body?: unknown },
) => Promise<void>;

/** @param done called after each change */
export function useAction(done: () => void): { act: Act; outcome: ComponentChildren } {
  const [answer, setAnswer] = useState<string>();
  const [refused, setRefused] = useState<ApiError>();
  const act: Act = async (path, question, said, { method, body } = {}) => {
    if (!confirm(question)) return;
    setRefused(undefined);
    try {
      const answered = await post(path, body, method);
      setAnswer(typeof said === 'string' ? said : said(answered));
      done();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setRefused(error);
      else setAnswer(error instanceof Error ? error.message : String(error));
    }
  };
  const outcome = (
    <>
      {answer && <span role="status">{answer}</span>}
      {refused && <TokenForm reason={refused.message} done={() => setRefused(undefined)} />}
    </>
  );
  return { act, outcome };
}
