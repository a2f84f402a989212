import { type Run } from '../history/run.js';
import { type RunRecorder } from '../history/run.recorder.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { oldestCatchUp } from '../registry/worker-rules.js';

/** Takes every change of a run, and passes on what the worker's option `record` keeps. */
export interface RunJournal {
  record(run: Run): void;
}

/** @param alone whether there is no coordination: with it, the worker's record keeps the last slot */
export function journalOf(
  { record, catchUp, interval, cron }: WorkerDefinition,
  recorder: RunRecorder,
  alone: boolean,
): RunJournal {
  if (record === 'all') return recorder;
  const notes = alone && oldestCatchUp({ interval, cron }, catchUp) > 0;
  return {
    record: (run) => {
      if (!run.endedAt) return;
      if (record === 'failures' && run.outcome !== 'succeeded') recorder.record(run);
      // A slot that was lost or aborted is owed.
      if (notes && run.slot && run.outcome !== 'aborted' && run.outcome !== 'lost')
        recorder.noteSlot(run.worker, run.slot);
    },
  };
}
