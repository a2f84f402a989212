import { type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { post } from './api.js';
import { Confirmation, type Ending } from './confirmation.js';

/** Asks the reader, then the server, and says what came of it; asks for the token where one is needed. */
export type Act = (
  path: string,
  question: string,
  /** What is said when it was done, maybe by the answer. */
  said: string | ((answer: unknown) => string),
  request?: { method?: string | undefined; body?: unknown },
) => void;

interface Asked {
  question: string;
  send(): Promise<string>;
}

/** @param done called after each change */
export function useAction(done: () => void): { act: Act; outcome: ComponentChildren } {
  const [answer, setAnswer] = useState<string>();
  const [asked, setAsked] = useState<Asked>();
  const act: Act = (path, question, said, { method, body } = {}) => {
    setAnswer(undefined);
    setAsked({
      question,
      async send() {
        const answered = await post(path, body, method);
        return typeof said === 'string' ? said : said(answered);
      },
    });
  };
  const end = ({ said, changed }: Ending): void => {
    setAsked(undefined);
    setAnswer(said);
    if (changed) done();
  };
  const outcome = (
    <>
      <span class="outcome" role="status">
        {answer}
      </span>
      {asked && <Confirmation {...asked} end={end} />}
    </>
  );
  return { act, outcome };
}
