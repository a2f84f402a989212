// A replica that collects telemetry of a provider that makes its readings up. What it is to be comes as JSON in REPLICA:
// `url` of a database that has the schema, `tenantId`, `instanceIds`, milliseconds as `interval`, and with `keep` it looks after
// what is stored at once, and not at the next minute.
import 'reflect-metadata';

const { url, tenantId, instanceIds, interval, keep } = JSON.parse(process.env.REPLICA);
const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { Scheduler, WorkerModule } = await import('ctrlplane-workers');
const { postgres } = await import('ctrlplane-workers/postgres');
const { BaseProvider, DatabaseModule, ProviderRegistry, TelemetryCollectorModule } =
  await import('ctrlplane-workers/control-plane');

const NOT_AVAILABLE = {
  cpuThrottledSeconds: null, cpuLimitCores: null, memoryLimitBytes: null, ioReadBytes: null, ioWriteBytes: null,
  networkReceiveBytes: null, networkTransmitBytes: null, oomKills: null, processes: null,
}; // prettier-ignore

class Readings extends BaseProvider {
  startedAt = new Date();

  async stats() {
    return instanceIds.map((instanceId) => ({
      ...NOT_AVAILABLE, instanceId, tenantId, labels: {}, readAt: new Date(), startedAt: this.startedAt,
      cpuSeconds: process.uptime(), memoryWorkingSetBytes: 1e6,
    })); // prettier-ignore
  }
}

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    WorkerModule.forRoot({ coordination: postgres({ connectionString: url }), lease: 2_000 }),
    TelemetryCollectorModule.forRoot({ interval }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks([], { useProcessExit: true });
app.get(ProviderRegistry, { strict: false }).register('readings', new Readings());
if (keep) await app.get(Scheduler).trigger('telemetry_rollups');
console.log('ready');
