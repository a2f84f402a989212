import { useState } from 'preact/hooks';
import { logout } from './api.js';
import { liveChannel } from './live.js';

/** Ends the session of this browser, in all its tabs. */
export function SignOut() {
  const [failed, setFailed] = useState(false);
  const signOut = async (): Promise<void> => {
    try {
      await logout();
      liveChannel().leave();
    } catch {
      setFailed(true);
    }
  };
  return (
    <span class="session">
      {failed && <span role="alert">The server cannot be reached: the session has not ended. </span>}
      <button class="small" onClick={() => void signOut()}>
        Sign out
      </button>
    </span>
  );
}
