import { useState } from 'preact/hooks';
import { ask, type Run, type RunError } from './api.js';
import { visible } from './format.js';

/** Why a run failed. What the stream tells of it is brief: the causes and the stack are asked for when it is opened. */
export function Failure({ run: { id, error } }: { run: Run }) {
  const [whole, setWhole] = useState<RunError>();
  if (!error) return null;
  const brief = error.stack === undefined && error.cause === undefined && error.errors === undefined;
  const read = (): void =>
    void ask<Run>(`runs/${id}`).then(
      (run) => setWhole(run.error),
      () => {},
    );
  return <Thrown error={whole ?? error} {...(brief && { onOpen: read })} />;
}

/** An error with its causes and those that it gathers; the stack on demand. */
function Thrown({ error, onOpen }: { error: RunError; onOpen?: () => void }) {
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && onOpen?.()}>
      <summary>
        {error.name && error.name !== 'Error' ? `${visible(error.name)}: ` : ''}
        {visible(error.message).slice(0, 500)}
      </summary>
      {error.stack && <pre>{visible(error.stack)}</pre>}
      {error.cause && (
        <div>
          caused by <Thrown error={error.cause} />
        </div>
      )}
      {error.errors?.map((one, index) => (
        <Thrown key={index} error={one} />
      ))}
    </details>
  );
}
