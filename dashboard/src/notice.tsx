import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from './api.js';
import { TokenForm, whyToken } from './token-form.js';

interface NoticeProps {
  error?: unknown;
  retry: () => void;
}

/** Why there is nothing to see, or nothing new: loading, no access, no connection, an error. */
export function Notice({ error, retry }: NoticeProps) {
  if (error === undefined) return <p class="empty">Loading…</p>;
  if (error instanceof ApiError && error.status === 401)
    return <Locked reason={whyToken(error)} retry={retry} />;
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

/** What misses the token now, in the order of the page. */
const locked: { retry: () => void; look: () => void }[] = [];

/** The first on the page asks for the token, for all of them. */
function Locked({ reason, retry }: { reason: string; retry: () => void }) {
  const [first, setFirst] = useState(false);
  const me = useRef({ retry, look: () => setFirst(locked[0] === me.current) });
  me.current.retry = retry;
  useEffect(() => {
    const { current } = me;
    locked.push(current);
    current.look();
    return () => {
      locked.splice(locked.indexOf(current), 1);
      locked[0]?.look();
    };
  }, []);
  if (!first) return <p class="empty">The token is needed to show this.</p>;
  return <TokenForm reason={reason} done={() => [...locked].forEach((one) => one.retry())} />;
}
