import { type DynamicModule, Module } from '@nestjs/common';
import { EventsModule } from '../../events/events.module.js';
import { FleetTroubles } from './fleet-troubles.js';
import { IncidentEvents } from './incident-events.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  incidentWatchSettings,
  type OPTIONS_TYPE,
} from './incident-watch.options.js';
import { IncidentWatch } from './incident-watch.worker.js';

/**
 * The worker `incident_watch`: what is wrong with instances, certificates, deployments, telemetry and the garbage collector is an
 * incident. All incidents, also those of workers, are published as events of the control plane. Needs the `DatabaseModule`, `WorkerModule` to run it, and `IncidentsModule`, which keeps and tells them.
 *
 * @publicApi
 */
@Module({ imports: [EventsModule], providers: [IncidentWatch, FleetTroubles, IncidentEvents] })
export class IncidentWatchModule extends ConfigurableModuleClass {
  /** @throws InvalidInputError that names every option that cannot be */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    incidentWatchSettings(options);
    return super.forRoot(options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
