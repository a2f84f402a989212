import { type Command } from 'commander';
import { asksApi, type Context, contextOf } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { type Finding, worst } from '../doctor/finding.js';
import { examineApplication } from '../doctor/application.js';

interface DoctorOptions {
  database?: string;
  schema: string;
  url: string;
}

/** `doctor`. */
export function doctorCommand(program: Command): void {
  asksApi(
    program
      .command('doctor')
      .description(
        'examines an application and its database: schema, clocks, stale workers, leases, versions',
      ),
  )
    .option('--database <url>', 'looks into the database as well (DATABASE_URL)')
    .option('--schema <name>', 'as in postgres({ schema })', 'workers')
    .action((options: DoctorOptions, command: Command) => doctor(contextOf(command), options));
}

async function doctor(
  { api, output }: Context,
  { database = process.env.DATABASE_URL, schema }: DoctorOptions,
): Promise<void> {
  const findings: Finding[] = await examineApplication(api);
  if (database) {
    const { examineDatabase } = await import('../doctor/database.js');
    findings.push(...(await examineDatabase(database, schema)));
  } else
    findings.push({
      about: 'database',
      state: 'note',
      detail: 'not looked at: give --database <url>, or set DATABASE_URL',
    });
  if (output.json) output.data(findings);
  else for (const { about, state, detail } of findings) output.line(`${state.padEnd(5)} ${about}: ${detail}`);
  if (worst(findings) === 'fault')
    throw new CommandError(`${findings.filter(({ state }) => state === 'fault').length} faults`, EXIT.failed);
}
