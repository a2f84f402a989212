/*
 * A status page in one file: checks of one's own targets, without a database. TARGETS is a comma-separated list of URLs
 * (default: this page itself, which is on loopback and therefore allowed below).
 *
 *     npm run examples:build && TARGETS=https://example.com node dist/examples/uptime/main.js
 *     curl http://127.0.0.1:3100/
 */
import 'reflect-metadata';
import { Controller, Get, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  HealthEvents,
  HealthRunnerModule,
  HealthService,
  OWN_TENANT,
  systemClaims,
  withClaims,
} from 'ctrlplane-workers/control-plane';

const { PORT = '3100', TARGETS = `http://127.0.0.1:${PORT}/alive` } = process.env;

@Controller()
class StatusController implements OnApplicationBootstrap {
  private readonly logger = new Logger('Uptime');

  constructor(
    private readonly health: HealthService,
    private readonly events: HealthEvents,
  ) {}

  onApplicationBootstrap(): void {
    // Where a message to people would be sent: transitions only, never each result.
    this.events.subscribe(({ type, payload }) =>
      this.logger.warn(`${payload.name}: ${type}, ${payload.message}`),
    );
  }

  @Get()
  status(): Promise<object[]> {
    return withClaims(systemClaims('uptime'), async () => {
      const { items } = await this.health.listChecks(OWN_TENANT);
      return Promise.all(
        items.map(async ({ id, name }) => {
          const { status, since, last } = await this.health.getCheckHealth(OWN_TENANT, id);
          const { '24h': day } = await this.health.getReport(OWN_TENANT, id);
          return { name, status, since, message: last?.message, uptime: day.uptime, p95: day.p95 };
        }),
      );
    });
  }

  @Get('alive')
  alive(): string {
    return 'alive';
  }
}

@Module({
  imports: [
    WorkerModule.forRoot(),
    HealthRunnerModule.forRoot({
      store: 'memory',
      // Loopback, private and link-local addresses are out of reach unless they are named.
      egress: { allow: ['127.0.0.0/8'] },
      checks: TARGETS.split(',').map((url) => ({ name: url, interval: '5s', probe: { type: 'http', url } })),
    }),
  ],
  controllers: [StatusController],
})
class AppModule {}

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(Number(PORT), '127.0.0.1');
new Logger('Uptime').log(`The status page is at ${await app.getUrl()}`);
