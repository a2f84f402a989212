import { Global, Module } from '@nestjs/common';
import { IncidentJudge } from './incident-judge.worker.js';
import { incidentRules } from './incident-rules.js';
import { Incidents } from './incidents.js';
import { ConfigurableModuleClass, INCIDENT_RULES, INCIDENTS_OPTIONS } from './incidents.module-definition.js';
import { type IncidentsOptions } from './incidents.options.js';
import { StuckWatch } from './stuck.watch.js';
import { Courier } from './webhooks/courier.js';

/**
 * Opens an incident when a problem of a worker begins, and closes it when the problem ends. Import it once, beside
 * `WorkerModule.forRoot()`. With coordination one replica judges for the cluster, and incidents are stored in its
 * database; otherwise each process judges its own workers, and keeps incidents in memory.
 */
@Global()
@Module({
  providers: [
    {
      provide: INCIDENT_RULES,
      inject: [INCIDENTS_OPTIONS],
      /** @throws InvalidIncidentsOptionsError */
      useFactory: (options: IncidentsOptions) => incidentRules(options),
    },
    Courier,
    Incidents,
    IncidentJudge,
    StuckWatch,
  ],
  exports: [Incidents],
})
export class IncidentsModule extends ConfigurableModuleClass {
  static override forRoot(options: IncidentsOptions = {}) {
    return super.forRoot(options);
  }
}
