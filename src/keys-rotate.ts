import 'reflect-metadata';
import { loadAppConfig } from './app/config/app-config.js';
import { explain } from './app/expected-error.js';
import { certificateOptions } from './app/https/certificate-options.js';
import { loadHttpsConfig } from './app/https/https-config.js';
import { openResources } from './app/resources.js';
import { KeyRing } from './modules/certificates/keys/key-ring.js';
import { rotateKeys } from './modules/certificates/keys/rotate-keys.js';
import { PostgresIssuerStateStore } from './modules/certificates/issuers/postgres-issuer-state.store.js';
import { PostgresCertificateStore } from './modules/certificates/postgres-certificate.store.js';
import { Transactions } from './modules/database/transaction.js';
import { connect, dataSourceOptions } from './modules/schema/data-source.js';
import { migrate } from './modules/schema/migrate.js';

/** `npm run keys:rotate`: seals every stored private key with the first of the encryption keys. */
async function keysRotate(): Promise<void> {
  const config = loadAppConfig();
  const https = loadHttpsConfig(config.port);
  // The app may be running on that database, which is what keys are rotated for: its directory is not needed.
  const { databaseUrl } = config;
  if (databaseUrl !== undefined && https.encryptionKeys !== undefined)
    return rotate(databaseUrl, https.encryptionKeys);
  const resources = await openResources(config, (line) => process.stdout.write(`${line}\n`));
  try {
    const { encryptionKeys } = await certificateOptions(https, resources.directory);
    await rotate(resources.databaseUrl, encryptionKeys as string);
  } finally {
    await resources.release();
  }
}

async function rotate(databaseUrl: string, encryptionKeys: string): Promise<void> {
  const keyRing = KeyRing.parse(encryptionKeys);
  await migrate(databaseUrl);
  const dataSource = await connect(dataSourceOptions({ url: databaseUrl, poolSize: 2 }));
  try {
    const transactions = new Transactions(dataSource);
    const { resealed, kept } = await rotateKeys(
      keyRing,
      new PostgresCertificateStore(transactions),
      new PostgresIssuerStateStore(transactions),
    );
    process.stdout.write(`${resealed} keys are sealed with "${keyRing.current}" now, ${kept} were before\n`);
  } finally {
    await dataSource.destroy();
  }
}

try {
  await keysRotate();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
