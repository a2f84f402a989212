import { ApiError, token } from './api.js';

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

/** Asks for the token, which is kept until the tab is closed. */
export function TokenForm({ reason, done }: { reason: string; done: () => void }) {
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        token.set(String(new FormData(event.currentTarget).get('token') ?? '').trim());
        done();
      }}
    >
      <p role="alert">{reason}</p>
      <label>
        Token
        <input name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">Use it</button>
    </form>
  );
}
