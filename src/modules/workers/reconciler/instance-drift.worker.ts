import { Inject, Injectable } from '@nestjs/common';
import { RunContext } from '../../../core/worker/run-context.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import {
  RECONCILER_OPTIONS,
  type ReconcilerOptions,
  type ReconcilerSettings,
  reconcilerSettings,
} from './reconciler.options.js';
import { StoreNudges } from './store-nudges.js';
import { StorePass, type StoreReport } from './store-pass.js';
import { StoreRetries } from './store-retries.js';

/** Payload of a trigger: the providers whose stores to compare. Default all. */
export interface DriftPayload {
  providers?: string[];
}

/**
 * Keeps running what should run, in the stores that this replica reaches: every replica has its own, so that each runs
 * it. Of a store that several reach, the one that holds it does.
 */
@Injectable()
export class InstanceDriftWorker {
  readonly settings: ReconcilerSettings;

  constructor(
    @Inject(RECONCILER_OPTIONS) options: ReconcilerOptions,
    private readonly registry: ProviderRegistry,
    private readonly pass: StorePass,
    private readonly nudges: StoreNudges,
    private readonly retries: StoreRetries,
  ) {
    this.settings = reconcilerSettings(options);
  }

  @Interval<InstanceDriftWorker>('instance_drift', (worker) => worker.settings.interval, {
    scope: 'replica',
    overlap: 'queueOne',
    timeout: '30m',
    runOnStart: true,
  })
  async run(context: RunContext): Promise<void> {
    const { concurrency, storeTimeout } = this.settings;
    const { signal, logger } = context;
    const wanted = this.nudges.take((context.payload as DriftPayload | undefined)?.providers);
    const names = this.registry.list().map(({ name }) => name);
    const due = wanted ? names.filter((name) => wanted.has(name)) : names;
    const reports: StoreReport[] = [];
    const { failures } = await forEachIsolated(
      due,
      { concurrency, timeout: storeTimeout, signal, key: (name) => name },
      async (name, own) => {
        const report = await this.pass.reconcile(name, this.settings, own);
        reports.push(report);
        this.retries.compared(name);
        if (report.wakeIn !== undefined) this.nudges.wake(name, report.wakeIn);
        context.progress(reports.length, due.length, summary(reports, this.settings.dryRun));
        for (const { instanceId, drift, repair } of report.planned)
          logger.log(
            `${this.settings.dryRun ? 'Dry run: would ' : ''}${repair} ${instanceId}: ${WORDS[drift]}`,
          );
        for (const instanceId of report.adopted)
          logger.warn(`adopted ${instanceId}: its row was lost, and it is here`);
        for (const instanceId of report.orphansRemoved) logger.log(`removed ${instanceId}: it has no row`);
      },
    );
    for (const { key, error } of failures) {
      this.retries.failed(key);
      logger.warn(
        `The store of provider "${key}" was not compared: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (failures.length && failures.length === due.length)
      throw new AggregateError(
        failures.map(({ error }) => error),
        `Not one of ${due.length} stores could be compared: see the log`,
      );
  }
}

const WORDS = {
  missing: 'its provider has nothing of it',
  exited: 'it has ended',
  stopped: 'it is stopped, and is to run',
  running: 'it runs, and is to be stopped',
  spec: 'it runs with another spec',
  restart: 'a restart was asked for',
  deletion: 'it is to be removed',
  state: 'its row says otherwise',
};

function summary(reports: readonly StoreReport[], dryRun: boolean): string {
  const sum = (of: (report: StoreReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const planned = sum((report) => report.planned.length);
  const failed = sum((report) => report.failed);
  const repaired = dryRun ? `${planned} left as they are (dry run)` : `${planned - failed} repaired`;
  return `${sum((report) => report.instances)} instances compared, ${repaired}${failed ? `, ${failed} to be tried again` : ''}`;
}
