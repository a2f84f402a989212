import { beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MIGRATIONS_TABLE } from '../../src/modules/schema/migrations/index.js';
import { appWorkbench, type StartOptions } from '../support/app-workbench.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { createTestDatabase } from '../support/database.js';
import { fleetFile } from '../support/fleet-file.js';
import { itWith } from '../support/needs.js';
import { ORDINARY_USER } from '../support/ordinary-user.js';
import { query } from '../support/query.js';

/** Each of these starts is refused for one reason, said in a line or two. */
describe('a start that cannot be', () => {
  const workbench = appWorkbench();
  let directory: string;
  let dataDirectory: string;

  beforeEach(async () => {
    directory = await workbench.directory();
    dataDirectory = join(directory, 'data');
  });

  /** Starts, and gives what was said; asserts that it was brief, no stack, and that it ended with code 1. */
  async function refusal(options: StartOptions, where = dataDirectory): Promise<string> {
    const FLEET = await fleetFile(directory, { web: { replicas: 1 } });
    const { code, output } = await workbench.run(where, { ...options, env: { FLEET, ...options.env } });
    expect({ code, output }).toMatchObject({ code: 1, output: expect.not.stringMatching(/^\s+at /m) });
    return output;
  }

  async function expectNothingMade(where = dataDirectory): Promise<void> {
    await expect(readdir(where)).rejects.toThrow('ENOENT');
  }

  it.each([
    ['80 80', 'PORT is "80 80": give a whole number from 0 to 65535'],
    ['65536', 'PORT is "65536"'],
    ['-1', 'PORT is "-1"'],
  ])('PORT=%s', async (PORT, words) => {
    expect(await refusal({ env: { PORT } })).toContain(words);
    await expectNothingMade();
  });

  it('a DATABASE_URL that is no URL: its password is not repeated', async () => {
    const output = await refusal({ env: { DATABASE_URL: 'mysql://root:hunter2@localhost/x' } });
    expect(output).toContain('DATABASE_URL starts with mysql://');
    expect(output).not.toContain('hunter2');
    await expectNothingMade();
  });

  it('a DATABASE_URL that nobody answers at: host and port are named, the password is not', async () => {
    // Port 1 is reserved and nobody listens there.
    const output = await refusal({ env: { DATABASE_URL: 'postgres://app:hunter2@127.0.0.1:1/fleet' } });
    expect(output).toContain('Cannot use the database "fleet" at 127.0.0.1:1');
    expect(output).not.toContain('hunter2');
  });

  it('a DATABASE_URL whose password is refused', async () => {
    const url = new URL(process.env.TEST_POSTGRES_URL!);
    url.password = 'hunter2';
    const output = await refusal({ env: { DATABASE_URL: url.href } });
    expect(output).toContain('password authentication failed');
    expect(output).not.toContain('hunter2');
  });

  it('a database that a newer version has migrated', async () => {
    const { url, drop } = await createControlPlaneDatabase();
    await query(
      url,
      `INSERT INTO ${MIGRATIONS_TABLE} (timestamp, name) VALUES (9999999999999, 'FromTheFuture')`,
    );
    expect(await refusal({ env: { DATABASE_URL: url } })).toContain('it has the migrations FromTheFuture');
    expect(await query(url, 'SELECT FROM workloads')).toEqual([]);
    await drop();
  });

  it('a run history that a newer version has written', async () => {
    const { url, drop } = await createTestDatabase();
    await query(url, 'CREATE SCHEMA workers');
    await query(url, 'CREATE TABLE workers.schema_version (version int PRIMARY KEY)');
    await query(url, 'INSERT INTO workers.schema_version VALUES (999)');
    expect(await refusal({ env: { DATABASE_URL: url } })).toContain('The schema workers is at version 999');
    expect(await query(url, `SELECT to_regclass('workers.runs') AS runs`)).toEqual([{ runs: null }]);
    await drop();
  });

  it('a DATA_DIR that is a file', async () => {
    await writeFile(dataDirectory, 'precious');
    expect(await refusal({})).toContain(`${dataDirectory} is not a directory`);
  });

  itWith('root', 'a DATA_DIR below a directory that PostgreSQL may not enter', async () => {
    const closed = join(directory, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const output = await refusal({}, join(closed, 'data'));
    expect(output).toContain(`${closed} may not be entered by the user postgres`);
    expect(output).toContain('DATA_DIR');
  });

  itWith('ordinary user', 'a DATA_DIR that this user may not write to', async () => {
    const closed = join(directory, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o555);
    const output = await refusal({ as: ORDINARY_USER }, join(closed, 'data'));
    expect(output).toContain(`${closed} may not be written by this user`);
    await expectNothingMade(join(closed, 'data'));
  });
});
