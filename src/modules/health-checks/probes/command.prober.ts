import { storableText } from '../../database/text.js';
import { type CommandProbe, type ProbeResult } from '../health-check.js';
import { type InstanceAccess } from '../instance-access.js';
import { ProbeFailure, ProberFault, type ProbeContext, type Prober } from './prober.js';

const LONGEST_OUTPUT = 300;

/** Runs a command inside the instance, by its provider: never on the control plane's host itself. */
export class CommandProber implements Prober<CommandProbe> {
  constructor(private readonly instances: InstanceAccess | undefined) {}

  async probe({ command }: CommandProbe, { instance, signal }: ProbeContext): Promise<ProbeResult> {
    if (!this.instances || !instance) throw new ProberFault('A command needs an instance to run in');
    const { exitCode, stdout, stderr } = await this.instances.exec(instance, command, signal.abortSignal);
    const said = storableText(stderr.trim() || stdout.trim()).slice(0, LONGEST_OUTPUT);
    if (exitCode === 0) return { outcome: 'success', message: said || 'Ended with 0' };
    throw new ProbeFailure(`Ended with ${exitCode}${said ? `: ${said}` : ''}`);
  }
}
