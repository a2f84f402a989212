import { Command, CommanderError } from 'commander';
import { messageOf } from '../core/text/describe-error.js';
import { brakesCommand } from './commands/brakes.js';
import { doctorCommand } from './commands/doctor.js';
import { incidentsCommand } from './commands/incidents.js';
import { mcpCommand } from './commands/mcp.js';
import { replicasCommand } from './commands/replicas.js';
import { runCommands } from './commands/runs.js';
import { schedulesCommand } from './commands/schedules.js';
import { schemaCommands } from './commands/schema.js';
import { tailCommand } from './commands/tail.js';
import { workerCommands } from './commands/workers.js';
import { asksApiFirst } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { safe } from './output.js';
import { packageVersion } from './version.js';

const EXIT_CODES = `
Exit codes: 0 done; 1 the run that was waited for did not succeed, or faults were found; 2 the command line cannot be
understood; 3 refused, such as for a worker that there is not; 4 no token, or not the right; 5 not to be reached.`;

/** All commands. */
function createProgram(): Command {
  const program = asksApiFirst(new Command('ctrlplane-workers'))
    .description('Sees and steers the workers of an application that has WorkerDashboardModule.')
    .version(packageVersion(), '--version', 'of this package')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(--help says how)')
    .allowExcessArguments(false)
    .exitOverride();
  workerCommands(program);
  runCommands(program);
  tailCommand(program);
  replicasCommand(program);
  schedulesCommand(program);
  brakesCommand(program);
  incidentsCommand(program);
  doctorCommand(program);
  schemaCommands(program);
  mcpCommand(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

/** Runs the command line, and says with which code the process is to end. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // Commander has said it.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`${safe(error instanceof CommandError ? error.message : messageOf(error))}\n`);
    return error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
