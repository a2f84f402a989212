import { type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { post } from './api.js';
import { Confirmation, type Ending } from './confirmation.js';

interface Request {
  method?: string | undefined;
  /** What is sent, maybe by what the reader has put into `fields`. */
  body?: unknown;
  /** What is asked beside the question. */
  fields?: ComponentChildren;
}

/** Asks the reader, then the server, and says what came of it; asks for the token where one is needed. */
export type Act = (
  path: string,
  question: string,
  /** What is said when it was done, maybe by the answer. */
  said: string | ((answer: unknown) => ComponentChildren),
  request?: Request,
) => void;

interface Asked extends Pick<Request, 'fields'> {
  question: string;
  send(fields: FormData): Promise<ComponentChildren>;
}

/** @param done called after each change */
export function useAction(done: () => void): { act: Act; outcome: ComponentChildren } {
  const [answer, setAnswer] = useState<ComponentChildren>();
  const [asked, setAsked] = useState<Asked>();
  const act: Act = (path, question, said, { method, body, fields } = {}) => {
    setAnswer(undefined);
    setAsked({
      question,
      fields,
      async send(given) {
        const answered = await post(path, typeof body === 'function' ? body(given) : body, method);
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
