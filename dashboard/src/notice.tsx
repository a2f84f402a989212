import { useState } from 'preact/hooks';
import { ApiError, login } from './api.js';

/** Why there is nothing to see, or nothing new: loading, no access, no connection, an error. */
export function Notice({ error, retry }: { error?: unknown; retry: () => void }) {
  if (error === undefined) return <p class="empty">Loading…</p>;
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
    return <TokenForm reason={error.message} done={retry} />;
  }
  const reason =
    error instanceof ApiError
      ? error.message
      : 'The server cannot be reached. What is shown is what it said last; trying again every two seconds.';
  return (
    <p class="notice" role="alert">
      {reason}
    </p>
  );
}

/** Asks for the token, which begins a session of this browser. */
export function TokenForm({ reason, done }: { reason: string; done: () => void }) {
  const [refused, setRefused] = useState<string>();
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
        <input name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">Use it</button>
    </form>
  );
}
