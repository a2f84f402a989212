import { type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, login } from './api.js';

interface TokenFormProps {
  reason: string;
  done: () => void;
  /** Further buttons. */
  children?: ComponentChildren;
}

/** Why the token is asked for. What the API says to whom sends none is for programs. */
export function whyToken({ message }: ApiError): string {
  return message.startsWith('Send the token') ? 'This needs the token of the application.' : message;
}

/** Asks for the token, which begins a session of this browser. */
export function TokenForm({ reason, done, children }: TokenFormProps) {
  const [refused, setRefused] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const { current } = field;
    // Where the reader is somewhere else on the page, the focus stays there.
    if (document.activeElement === document.body || current!.closest('dialog')) current!.focus();
  }, []);
  const send = async (token: string): Promise<void> => {
    try {
      await login(token);
      done();
    } catch (error) {
      setRefused(error instanceof ApiError ? error.message : 'The server cannot be reached');
    }
  };
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        void send(String(new FormData(event.currentTarget).get('token') ?? '').trim());
      }}
    >
      <p role="alert">{refused ?? reason}</p>
      <label>
        Token
        <input ref={field} name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">Use it</button>
      {children}
    </form>
  );
}
