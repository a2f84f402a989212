import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { query } from '../support/query.js';

const execute = promisify(execFile);

describe('npx ctrlplane-workers schema', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const command = (...options: string[]) =>
    execute(process.execPath, [join(builtCheckout(), 'dist/bin.js'), ...options]);
  const versions = () => query<{ version: number }>(database.url, 'SELECT version FROM jobs.schema_version');

  it('prints SQL that installs the schema, and applies what is missing', async () => {
    const { stdout } = await command('schema', '--schema', 'jobs');
    await query(database.url, `BEGIN; ${stdout} COMMIT`);
    const printed = await versions();
    expect(printed.length).toBeGreaterThan(1);
    await query(database.url, 'DROP SCHEMA jobs CASCADE');
    for (let i = 0; i < 2; i++)
      expect(await command('schema', '--schema', 'jobs', '--apply', database.url)).toMatchObject({
        stdout: 'The schema is up to date.\n',
      });
    expect(await versions()).toEqual(printed);
  });

  it.each<[string[], number, RegExp]>([
    [['scheme'], 2, /unknown command 'scheme'/],
    [[], 2, /Usage: ctrlplane-workers/],
    [['schema', '--installed', '-1'], 2, /Give a whole number|argument missing/],
    [['schema', '--installed', 'x'], 2, /Give a whole number from 0/],
    [['schema', '--schema', 'A B'], 1, /"A B" is no schema name/],
    [['schema', '--roles', 'x'], 2, /unknown option '--roles'/],
    [['schema', '--apply', 'postgres://127.0.0.1:1/x'], 5, /ECONNREFUSED/],
  ])('ends for %j with %d, and says what is wrong', async (options, code, message) => {
    await expect(command(...options)).rejects.toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringMatching(message),
    });
  });
});
