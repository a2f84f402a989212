import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { AppProcess } from '../support/app-process.js';
import { createTestDatabase } from '../support/database.js';
import { describeWith, itWith } from '../support/needs.js';
import { nodeOf } from '../support/parts.js';
import { RedisServer } from '../support/redis.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { killFanOut } from './fan-out-kills.js';

const directory = temporaryDirectories();

const common = async () => ({
  checkout: builtCheckout(),
  journal: join(await directory(), 'journal'),
  shards: 400,
  takes: 20,
  replicas: 2,
  kills: 1,
});
const fine = (seen: { record: object | undefined; violations: string[] }): void => {
  expect(seen.violations).toEqual([]);
  expect(seen.record).toEqual({ total: 400, done: 400, failed: 0 });
};

describeWith('redis', 'a fan-out over BullMQ', () => {
  it('runs every shard and adds up, though its replica and Redis are killed', async () => {
    const database = await createTestDatabase();
    const redis = await RedisServer.start();
    try {
      const killEngine = async (): Promise<void> => {
        await redis.kill();
        await redis.start();
      };
      fine(
        await killFanOut({
          ...(await common()),
          url: database.url,
          redis: redis.url,
          killEngine,
          engineKills: 1,
        }),
      );
    } finally {
      await redis.destroy();
      await database.drop();
    }
  });
});

describe('a fan-out over pg-boss', () => {
  itWith('Node 24', 'runs every shard and adds up, though its replica is killed', async () => {
    const database = await createTestDatabase();
    try {
      fine(await killFanOut({ ...(await common()), url: database.url }));
    } finally {
      await database.drop();
    }
  });

  itWith('Node 24', 'keeps the contracts of engines', async () => {
    const database = await createTestDatabase();
    const child = new AppProcess({
      command: [nodeOf(24), 'test/apps/engine-contract.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, NO_COLOR: '1', URL: database.url },
    });
    try {
      await child.said(/^done$/m);
      expect(child.output.match(/^not ok .*/gm) ?? []).toEqual([]);
      expect(child.output.match(/^ok .*/gm)?.length).toBeGreaterThanOrEqual(18);
    } finally {
      await child.destroy();
      await database.drop();
    }
  });
});
