/** Name of the instrumentation scope of this package's traces and metrics. */
export const SCOPE = 'ctrlplane-workers';

/** Attributes of spans and metrics. Those without the prefix `worker` or `incident` are of the semantic conventions. */
export const ATTRIBUTE = {
  worker: 'worker.name',
  runId: 'worker.run.id',
  trigger: 'worker.run.trigger',
  attempt: 'worker.run.attempt',
  slot: 'worker.run.slot',
  outcome: 'worker.run.outcome',
  condition: 'worker.condition',
  incidentKind: 'incident.kind',
  incidentCondition: 'incident.condition',
  errorType: 'error.type',
} as const;

/** Metrics: name, unit, description. docs/opentelemetry.md has a row for each. */
export const METRIC = {
  duration: ['worker.run.duration', 's', 'How long runs took'],
  lateness: ['worker.run.lateness', 's', 'How long after they were due runs began'],
  runs: ['worker.runs', '{run}', 'Runs that have ended'],
  active: ['worker.runs.active', '{run}', 'Runs that are active in this process'],
  overdue: ['worker.runs.overdue', '{run}', 'Runs whose timeout has passed'],
  skipped: [
    'worker.slots.skipped',
    '{slot}',
    'Slots that were due while another run was active, or were late',
  ],
  missed: [
    'worker.slots.missed',
    '{slot}',
    'Slots that passed while no replica was running or the event loop was blocked',
  ],
  leasesLost: ['worker.leases.lost', '{lease}', 'Leases that this process lost before the run ended'],
  dropped: ['worker.records.dropped', '{record}', 'Records of runs that could not be kept'],
  buffered: ['worker.records.buffered', '{record}', 'Records of runs that wait for the history'],
  condition: ['worker.troubled', '1', '1 while a worker is in that condition'],
  lastSuccess: ['worker.last_success.time', 's', 'When a run last succeeded, seconds since 1970'],
  opened: ['worker.incidents.opened', '{incident}', 'Incidents that this process opened'],
  closed: ['worker.incidents.closed', '{incident}', 'Incidents that this process closed'],
} as const;
