import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type IncidentReport } from '../../core/history/incident.js';
import { Incidents } from '../../core/incidents/incidents.js';
import { keepIncidents } from '../../core/incidents/keep-incidents.js';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { type HandlerTrouble, ScheduleStore } from './schedule.store.js';

/** Name of the worker, where there is one. */
export const SCHEDULE_WATCH = 'schedule_watch';

/** A handler that fails for so many schedules at a time is told before any of them has failed again and again. */
const MANY_FAIL = 10;
/** Failures of a schedule in a row. */
const FAILS_AGAIN = 3;
/** Incidents of one condition that are open at a time. */
const MOST_OPEN = 200;

/**
 * Opens one incident for a handler whose schedules fail or that no replica has, however many schedules that is, and closes it when they
 * work again. The worker exists where the application has the `IncidentsModule`.
 */
@Injectable()
export class ScheduleWatch implements OnApplicationBootstrap {
  constructor(
    private readonly modules: ModuleRef,
    private readonly scheduler: Scheduler,
    private readonly store: ScheduleStore,
  ) {}

  onApplicationBootstrap(): void {
    const incidents = this.incidents();
    if (!incidents) return;
    this.scheduler.register({
      name: SCHEDULE_WATCH,
      interval: '15s',
      description: 'Opens and closes incidents of stored schedules',
      timeout: '2m',
      record: 'failures',
      run: () => this.look(incidents),
    });
  }

  private async look(incidents: Incidents): Promise<void> {
    const troubles = await this.store.troubles();
    const unknown = troubles.filter(({ kind }) => kind === 'unknown_handler');
    const failing = troubles.filter(
      ({ kind, schedules, failures }) =>
        kind === 'failing' && (failures >= FAILS_AGAIN || schedules >= MANY_FAIL),
    );
    for (const [condition, found] of [
      ['unknown_handler', unknown],
      ['failing', failing],
    ] as const)
      await keepIncidents(
        incidents,
        { kind: 'schedules', condition, most: MOST_OPEN },
        found.map((trouble) => reportOf(trouble)),
      );
  }

  private incidents(): Incidents | undefined {
    try {
      return this.modules.get(Incidents, { strict: false });
    } catch {
      return undefined;
    }
  }
}

function reportOf({ kind, handler, schedules, key, failures, error }: HandlerTrouble): IncidentReport {
  const count = schedules === 1 ? '1 schedule' : `${schedules} schedules`;
  return {
    kind: 'schedules',
    subject: handler,
    condition: kind,
    summary:
      kind === 'unknown_handler'
        ? `No replica has the handler "${handler}", and ${count} wait for it, such as "${key}": deploy it, or remove them`
        : `${count} of "${handler}" ${schedules === 1 ? 'fails' : 'fail'}, such as "${key}", ${failures} ${failures === 1 ? 'time' : 'times in a row'}: ${error ?? 'no error is known'}`,
  };
}
