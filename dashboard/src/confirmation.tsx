import { type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask, type Rights } from './api.js';
import { InputError } from './input-error.js';
import { TokenForm, whyToken } from './token-form.js';

/** How a question has ended. */
export interface Ending {
  /** What the reader is told; absent: the reader did not want it. */
  said?: ComponentChildren;
  changed: boolean;
}

interface ConfirmationProps {
  question: string;
  /** What else the reader says. */
  fields?: ComponentChildren;
  /** @throws InputError, ApiError, TypeError when the server cannot be reached */
  send(fields: FormData): Promise<ComponentChildren>;
  end(ending: Ending): void;
}

/**
 * Asks the reader before something is changed, and for the token where the server wants one: what was confirmed is then done.
 * Input that is refused can be corrected. Not `confirm()`, which stops the tab: the one that has the stream would tell the
 * others nothing while it is open.
 */
export function Confirmation({ question, fields, send, end }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [refused, setRefused] = useState<string>();
  const [fault, setFault] = useState<string>();
  const [sending, setSending] = useState(false);
  const isOpen = useRef(true);

  useEffect(() => {
    const { current } = dialog;
    const dismissed = (): void => end({ changed: false });
    current!.showModal();
    current!.addEventListener('close', dismissed);
    return () => {
      current!.removeEventListener('close', dismissed);
      // Gives the focus back, which the removal from the document would not.
      current!.close();
      isOpen.current = false;
    };
  }, []);

  const confirmed = async (): Promise<void> => {
    setSending(true);
    setFault(undefined);
    try {
      end({ said: await send(new FormData(form.current!)), changed: true });
    } catch (error) {
      setSending(false);
      const correctable = error instanceof InputError || (error instanceof ApiError && error.status === 400);
      if (correctable && fields !== undefined && isOpen.current) {
        setRefused(undefined);
        setFault(error.message);
      } else if (!(error instanceof ApiError))
        end({ said: 'The server cannot be reached: nothing is known of it.', changed: false });
      else if (isOpen.current && (await wantsToken(error))) setRefused(whyToken(error));
      else end({ said: error.message, changed: false });
    }
  };
  const cancel = (
    <button type="button" onClick={() => dialog.current!.close()}>
      Cancel
    </button>
  );
  return (
    <dialog ref={dialog} aria-labelledby="question">
      <p id="question">{question}</p>
      <form
        ref={form}
        hidden={refused !== undefined}
        onSubmit={(event) => {
          event.preventDefault();
          if (!sending) void confirmed();
        }}
      >
        {fields}
        {fault !== undefined && (
          <p class="error" role="alert">
            {fault}
          </p>
        )}
        <div class="actions">
          <button class="strong" autofocus aria-disabled={sending}>
            Confirm
          </button>
          {cancel}
        </div>
      </form>
      {refused !== undefined && (
        <TokenForm reason={refused} done={() => void confirmed()}>
          {cancel}
        </TokenForm>
      )}
    </dialog>
  );
}

/** Whether another token may do it. */
async function wantsToken(error: ApiError): Promise<boolean> {
  if (error.status !== 403) return error.status === 401;
  try {
    const { right, read_only } = await ask<Rights>('dashboard/session');
    return right === 'read' && !read_only;
  } catch {
    return false;
  }
}
