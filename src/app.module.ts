import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { DataSource } from 'typeorm';
import { WorkerDashboardModule } from './core/dashboard/worker-dashboard.module.js';
import { HttpAccessModule } from './core/http/http-access.module.js';
import { IncidentsHttpModule } from './core/incidents/http/incidents-http.module.js';
import { IncidentsModule } from './core/incidents/incidents.module.js';
import { type WebhookOptions } from './core/incidents/webhooks/webhook.js';
import { OpenTelemetryModule } from './core/observability/opentelemetry.module.js';
import { postgres } from './core/postgres/postgres.coordinator.js';
import { WorkerHealthModule } from './core/terminus/worker-health.module.js';
import { WorkerModule } from './core/worker.module.js';
import { type ServerStatus } from './app/embedded-postgres/index.js';
import { FleetController, RUNNING_FLEET } from './app/fleet/fleet.controller.js';
import { type FleetFile } from './app/fleet/fleet-file.js';
import { type ProviderName } from './app/fleet/fleet-program.js';
import { FleetModule } from './app/fleet/fleet.module.js';
import { BrakesIndicator } from './app/http/brakes.indicator.js';
import { DATABASE_STATUS, EmbeddedDatabaseIndicator } from './app/http/embedded-database.indicator.js';
import { HealthController } from './app/http/health.controller.js';
import { InstancesIndicator } from './app/http/instances.indicator.js';
import { OpenApiController, OpenApiDocument } from './app/http/open-api.controller.js';
import { METRICS, MetricsController } from './app/http/metrics.controller.js';
import { StartController } from './app/http/start.controller.js';
import { EventsHttpModule } from './modules/events/events-http.module.js';
import { type DockerProviderOptions } from './modules/providers/docker/docker-provider.options.js';
import { NetworkHttpModule } from './modules/network/network-http.module.js';
import { NetworkModule } from './modules/network/network.module.js';
import { CertRenewerModule } from './modules/workers/cert-renewer/cert-renewer.module.js';
import { IncidentWatchModule } from './modules/workers/incident-watch/incident-watch.module.js';
import { type CertRenewerOptions } from './modules/workers/cert-renewer/cert-renewer.options.js';
import { FleetViewHttpModule } from './modules/fleet-view/fleet-view-http.module.js';
import { HealthHttpModule } from './modules/health-checks/health-http.module.js';
import { BrakesHttpModule } from './modules/brakes/brakes-http.module.js';
import { GarbageCollectorModule } from './modules/workers/garbage-collector/garbage-collector.module.js';
import { HealthRunnerModule } from './modules/workers/health-runner/health-runner.module.js';
import { TelemetryHttpModule } from './modules/telemetry/telemetry-http.module.js';
import { TelemetryCollectorModule } from './modules/workers/telemetry-collector/telemetry-collector.module.js';
import { SchedulesHttpModule } from './modules/schedules/schedules-http.module.js';
import { SchedulesModule } from './modules/schedules/schedules.module.js';
import { ReconcilerHttpModule } from './modules/workers/reconciler/reconciler-http.module.js';
import { ReconcilerModule } from './modules/workers/reconciler/reconciler.module.js';

/** What the reference app is made of, beside its fleet file. */
export interface AppOptions {
  databaseUrl: string;
  /** Where instances keep their state and logs. Absolute. */
  instancesDirectory: string;
  /** As whom instances run. */
  users: 'own' | 'same';
  /** How containers are run. Absent: none are. */
  containers?: DockerProviderOptions | undefined;
  /** Who runs what says nothing of it. */
  defaultProvider: ProviderName;
  /** Whether the embedded database runs; absent when there is none. */
  databaseStatus?: () => ServerStatus;
  fleet: FleetFile;
  /** What writes over HTTP need. */
  token: string;
  /** Milliseconds that a run in flight gets at shutdown. */
  drainTimeout: number;
  /** Resolvers to ask; default those of the system. */
  dnsServers?: readonly string[];
  /** Who is told of incidents. */
  webhooks: readonly WebhookOptions[];
  certificates: Pick<CertRenewerOptions, 'encryptionKeys' | 'issuers' | 'fileSink'>;
}

/** The reference control plane: the fleet, the workers that keep it, and what shows them. */
@Module({})
export class AppModule {
  static forRoot(options: AppOptions): DynamicModule {
    const {
      databaseUrl,
      instancesDirectory,
      users,
      containers,
      defaultProvider,
      databaseStatus,
      fleet,
      token,
      drainTimeout,
      dnsServers,
      webhooks,
      certificates,
    } = options;
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const meterProvider = new MeterProvider({ readers: [exporter] });
    return {
      module: AppModule,
      imports: [
        FleetModule.forRoot({ databaseUrl, instancesDirectory, users, containers, defaultProvider }),
        WorkerModule.forRootAsync({
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => ({
            coordination: postgres({ dataSource }),
            drain: { timeout: drainTimeout },
          }),
        }),
        OpenTelemetryModule.forRoot({ meterProvider }),
        IncidentsModule.forRoot({ webhooks }),
        IncidentsHttpModule,
        IncidentWatchModule.forRoot(),
        FleetViewHttpModule,
        GarbageCollectorModule.forRoot(fleet.garbageCollector),
        NetworkModule.forRoot({ dnsServers }),
        NetworkHttpModule,
        CertRenewerModule.forRoot(certificates),
        // The fleet's instances listen on the loopback interface, which checks reach only where they are allowed to.
        HealthRunnerModule.forRoot({ egress: { allow: ['127.0.0.0/8'] } }),
        BrakesHttpModule,
        ReconcilerModule.forRoot({ brake: fleet.garbageCollector?.brake }),
        ReconcilerHttpModule,
        EventsHttpModule,
        HealthHttpModule,
        // Instances are processes of this machine.
        TelemetryCollectorModule.forRoot({ scrape: { egress: { allow: ['127.0.0.0/8', '::1/128'] } } }),
        TelemetryHttpModule,
        // Of what is built on it: the fleet itself has no schedules.
        SchedulesModule.forRoot(),
        SchedulesHttpModule,
        TerminusModule.forRoot({ logger: false }),
        WorkerHealthModule,
        // Reads are open because the app listens on the loopback interface alone.
        HttpAccessModule.forRoot({ token, openReads: true }),
        WorkerDashboardModule.forRoot({ token, openReads: true }),
      ],
      providers: [
        { provide: RUNNING_FLEET, useValue: fleet },
        { provide: METRICS, useValue: exporter },
        OpenApiDocument,
        BrakesIndicator,
        InstancesIndicator,
        EmbeddedDatabaseIndicator,
        { provide: DATABASE_STATUS, useValue: databaseStatus },
      ],
      controllers: [StartController, OpenApiController, HealthController, MetricsController, FleetController],
    };
  }
}
