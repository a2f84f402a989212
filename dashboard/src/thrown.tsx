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

interface ThrownProps {
  error: RunError;
  /** Whether it is unfolded at first. */
  open?: boolean;
  onOpen?: () => void;
}

/** An error with its causes and those that it gathers; the stack on demand. */
export function Thrown({ error, open = false, onOpen }: ThrownProps) {
  return (
    <details open={open} onToggle={({ currentTarget }) => currentTarget.open && onOpen?.()}>
      <summary>
        {error.name && error.name !== 'Error' ? `${visible(error.name)}: ` : ''}
        {visible(error.message).slice(0, 500)}
      </summary>
      {error.stack && <pre>{visible(error.stack)}</pre>}
      {error.cause && (
        <div>
          caused by <Thrown error={error.cause} open={open} />
        </div>
      )}
      {error.errors?.map((one, index) => (
        <Thrown key={index} error={one} />
      ))}
    </details>
  );
}
