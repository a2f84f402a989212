import { Inject, Injectable } from '@nestjs/common';
import { Incidents } from '../../../core/incidents/incidents.js';
import { keepIncidents } from '../../../core/incidents/keep-incidents.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { type RunContext } from '../../../core/worker/run-context.js';
import { FleetTroubles } from './fleet-troubles.js';
import {
  INCIDENT_WATCH_OPTIONS,
  type IncidentWatchOptions,
  type IncidentWatchSettings,
  incidentWatchSettings,
} from './incident-watch.options.js';

/** Incidents of one kind and condition that are open at a time. With more, none of them closes until there are fewer. */
const MOST_OPEN = 200;

/** What this worker opens, and therefore closes. An application may report others of the same kinds. */
const WATCHED = {
  workload: ['instances_failing'],
  instance: ['failing', 'not_removed'],
  certificate: ['not_renewed', 'critical', 'lost'],
  deployment: ['failed'],
  brake: ['engaged', 'pass_engaged'],
  telemetry: ['stopped'],
} as const;

/**
 * Looks at what is wrong in the control plane, and opens and closes incidents. It goes by what is stored and not by events: what
 * happened while nobody listened is found too, and what has mended itself is closed.
 */
@Injectable()
export class IncidentWatch {
  readonly settings: IncidentWatchSettings;

  constructor(
    @Inject(INCIDENT_WATCH_OPTIONS) options: IncidentWatchOptions,
    private readonly troubles: FleetTroubles,
    private readonly incidents: Incidents,
    private readonly scheduler: Scheduler,
  ) {
    this.settings = incidentWatchSettings(options);
  }

  @Interval<IncidentWatch>('incident_watch', (watch) => watch.settings.interval, {
    description: 'Opens and closes incidents of the control plane',
    timeout: '2m',
    record: 'failures',
  })
  async run({ signal }: RunContext): Promise<void> {
    const { failingAfter, silentAfter } = this.settings;
    const found = [
      ...(await this.troubles.ofInstances(failingAfter, MOST_OPEN + 1)),
      ...(await this.troubles.ofCertificates(failingAfter, MOST_OPEN + 1)),
      ...(await this.troubles.ofDeployments(MOST_OPEN + 1)),
      ...(await this.troubles.ofBrakes(MOST_OPEN + 1)),
      ...(await this.troubles.ofPassBrakes(MOST_OPEN + 1)),
      ...(this.collects ? await this.troubles.ofTelemetry(silentAfter) : []),
    ];
    for (const [kind, conditions] of Object.entries(WATCHED))
      for (const condition of conditions) {
        signal.throwIfAborted();
        await keepIncidents(
          this.incidents,
          { kind, condition, most: MOST_OPEN },
          found.filter((report) => report.kind === kind && report.condition === condition),
        );
      }
  }

  /** Whether anything reads what instances use: without the collector there is nothing that could stop. */
  private get collects(): boolean {
    return this.scheduler.workerByName('telemetry_collector') !== undefined;
  }
}
