import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { postgres } from '../postgres/postgres.coordinator.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';
import { type FuzzApp, startFuzzApp } from '../../../test/fuzz/fuzz-app.js';

/** `npm run fuzz:http` sends 5,000, with a seed of its own each time: `FUZZ_SEED=…` repeats one. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? (process.env.FUZZ_REQUESTS ? Date.now() % 1e6 : 1));

describe('requests of any kind, made from the OpenAPI document', () => {
  let app: FuzzApp | undefined;
  let database: TestDatabase | undefined;
  afterEach(async () => {
    await app?.app.close();
    await database?.drop();
    app = database = undefined;
  });

  it.each([
    ['in memory, on Fastify', false, () => new FastifyAdapter()],
    ['in PostgreSQL, on Express', true, () => new ExpressAdapter()],
  ])(
    'are answered as it says, none by a 500, and change nothing without the token: %s',
    async (_where, stored, adapter) => {
      if (stored) database = await createTestDatabase();
      app = await startFuzzApp(
        database ? { coordination: postgres({ connectionString: database.url }) } : {},
        adapter(),
      );
      expect(app.document.openapi).toBe('3.1.0');
      const { statuses, faults } = await fuzz(app, REQUESTS, SEED);
      if (process.env.FUZZ_REQUESTS) console.log(`seed ${SEED}: ${JSON.stringify(statuses)}`);
      expect(faults).toEqual([]);
      for (const status of ['200', '202', '400', '401', '404'])
        expect(Object.keys(statuses)).toContain(status);
    },
  );
});
