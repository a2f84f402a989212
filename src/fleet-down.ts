import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { checkContainers, containersOf, forgetContainers } from './app/containers.js';
import { DatabasePatience } from './app/database-patience.js';
import { loadAppConfig } from './app/config/app-config.js';
import { forgetSecrets } from './app/config/forget-secrets.js';
import { explain } from './app/expected-error.js';
import { loadFleetFile } from './app/fleet/fleet-file.js';
import { FleetModule } from './app/fleet/fleet.module.js';
import { FleetService } from './app/fleet/fleet.service.js';
import { DockerProvider } from './modules/providers/docker/docker.provider.js';
import { openResources } from './app/resources.js';

/** `npm run fleet:down`: removes the fleet, and whatever else of this app's the providers still hold. */
async function fleetDown(): Promise<void> {
  const config = loadAppConfig();
  forgetSecrets();
  const fleet = loadFleetFile(config.fleetFile, config.provider);
  checkContainers(config, fleet);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const patience = new DatabasePatience(say);
  const resources = await openResources(config, say, patience);
  try {
    const { databaseUrl, instancesDirectory, directory } = resources;
    const containers = await containersOf(config, fleet, directory);
    const app = await patience.until(() =>
      NestFactory.createApplicationContext(
        FleetModule.forRoot({ databaseUrl, instancesDirectory, users: 'same', containers }),
        {
          // The error that ends a start is explained below, and Nest would log it before, stack and all.
          logger: ['warn', 'fatal'],
          abortOnError: false,
        },
      ),
    );
    Logger.overrideLogger(['warn', 'error', 'fatal']);
    try {
      const { workloads, instances, failures } = await app.get(FleetService).down(fleet);
      for (const { subject, reason } of failures) process.stderr.write(`${subject}: ${reason}\n`);
      process.stdout.write(`Removed ${workloads} workloads and ${instances} instances\n`);
      if (failures.length > 0) process.exitCode = 1;
      else if (containers) {
        await app.get(DockerProvider, { strict: false }).removeStore();
        await forgetContainers(directory);
      }
    } finally {
      await app.close();
    }
  } finally {
    await resources.release();
  }
}

// A terminal that was closed, a pipe whose reader has gone: what is removed is removed all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  await fleetDown();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
