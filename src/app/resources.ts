import { join } from 'node:path';
import { type AppConfig } from './config/app-config.js';
import { PACKAGE_ROOT } from './config/app-config.js';
import { defaultDataDirectory, openDataDirectory } from './data-directory/index.js';
import { type ServerStatus, startEmbeddedPostgres } from './embedded-postgres/index.js';
import { DatabasePatience } from './database-patience.js';
import { writeSecret } from './write-secret.js';

/** What the app holds outside of its own process while it runs. */
export interface Resources {
  databaseUrl: string;
  /** Where the embedded database's URL is written; absent when `DATABASE_URL` names another. */
  databaseUrlFile?: string;
  /** The data directory itself. Absolute. */
  directory: string;
  instancesDirectory: string;
  /** Whether the embedded database runs; absent when `DATABASE_URL` names another. */
  databaseStatus?: () => ServerStatus;
  /** Stops the embedded database and lets the next app have the data directory. Instances go on. */
  release(): Promise<void>;
}

/**
 * Takes the data directory, then runs PostgreSQL in it unless the configuration names one.
 * @param say takes what the user should know
 * @throws DataDirectoryInUseError, UnusableDirectoryError, EmbeddedPostgresError; then nothing is held
 */
export async function openResources(
  config: AppConfig,
  say: (line: string) => void,
  patience = new DatabasePatience(say),
): Promise<Resources> {
  const { path, notice } = config.dataDir
    ? { path: config.dataDir }
    : await defaultDataDirectory(PACKAGE_ROOT);
  if (notice) say(notice);
  const directory = await openDataDirectory(path);
  const instancesDirectory = join(directory.path, 'instances');
  const { databaseUrl } = config;
  if (databaseUrl)
    return { databaseUrl, directory: directory.path, instancesDirectory, release: () => directory.release() };
  try {
    const postgres = await startEmbeddedPostgres({
      directory: join(directory.path, 'postgres'),
      log: say,
      patience,
      supervised: true,
    });
    return {
      databaseUrl: postgres.url,
      databaseUrlFile: await writeSecret(join(directory.path, 'postgres.url'), postgres.url),
      directory: directory.path,
      instancesDirectory,
      databaseStatus: () => postgres.status(),
      release: async () => {
        await postgres.stop();
        await directory.release();
      },
    };
  } catch (error) {
    await directory.release();
    throw error;
  }
}
