import { type ComponentChildren } from 'preact';
import { type Act } from './actions.js';
import { type Run } from './api.js';
import { instant, visible } from './format.js';
import { hrefs } from './route.js';

export function CancelRun({ run: { id, started_at }, title, act }: { run: Run; title: string; act: Act }) {
  return (
    <button
      onClick={() =>
        act(
          `runs/${id}/cancel`,
          `Cancel the run that started at ${instant(started_at)}?`,
          'Cancellation requested.',
        )
      }
    >
      {title}
    </button>
  );
}

export function RunAgain({ run: { id, worker, started_at }, act }: { run: Run; act: Act }) {
  return (
    <button
      class="small"
      onClick={() =>
        act(
          `runs/${id}/rerun`,
          `Run ${visible(worker)} again, with the payload of the run of ${instant(started_at)}?`,
          requested('Run with the same payload requested.'),
        )
      }
    >
      Run again
    </button>
  );
}

/** What is said when a run was asked for: with a link to it. */
export function requested(said: string): (answer: unknown) => ComponentChildren {
  return (answer) => (
    <>
      {said} <a href={hrefs.run((answer as { run_id: string }).run_id)}>See it</a>
    </>
  );
}
