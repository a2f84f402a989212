import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask, type Rights } from './api.js';
import { TokenForm, whyToken } from './token-form.js';

/** How a question has ended. */
export interface Ending {
  /** What the reader is told; absent: the reader did not want it. */
  said?: string;
  changed: boolean;
}

interface ConfirmationProps {
  question: string;
  /** @throws ApiError, TypeError when the server cannot be reached */
  send(): Promise<string>;
  end(ending: Ending): void;
}

/**
 * Asks the reader before something is changed, and for the token where the server wants one: what was confirmed is then done.
 * Not `confirm()`, which stops the tab: the one that has the stream would tell the others nothing while it is open.
 */
export function Confirmation({ question, send, end }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [refused, setRefused] = useState<string>();
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
    try {
      end({ said: await send(), changed: true });
    } catch (error) {
      setSending(false);
      if (!(error instanceof ApiError))
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
      {refused !== undefined ? (
        <TokenForm reason={refused} done={() => void confirmed()}>
          {cancel}
        </TokenForm>
      ) : (
        <div class="actions">
          <button
            class="strong"
            autofocus
            aria-disabled={sending}
            onClick={() => void (sending || confirmed())}
          >
            Confirm
          </button>
          {cancel}
        </div>
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
