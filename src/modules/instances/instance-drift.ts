import { type DesiredState, type ProviderInstance } from '../providers/provider.js';
import { type Instance, type InstanceState } from './instance.js';

/** As much of a row as it takes to see whether it agrees with what its provider says. */
export interface ComparedInstance {
  state: InstanceState;
  desiredState: DesiredState;
  specHash: string;
  restartRequested: boolean;
  /** Something of it is still to be settled: a request, a reason, attempts that are counted. */
  unsettled: boolean;
}

/**
 * How row and provider differ. `missing`, `exited`, `stopped`: it should run, and does not. `running`: it should not
 * run, and does. `spec`: it runs another spec. `restart`, `deletion`: requested. `state`: only the row has to change.
 */
export type Drift = 'missing' | 'exited' | 'stopped' | 'running' | 'spec' | 'restart' | 'deletion' | 'state';

/** What makes them agree again: a call of the provider, or `note`, a change of the row alone. */
export type Repair = 'provision' | 'start' | 'stop' | 'restart' | 'deploy' | 'remove' | 'note';

export interface Finding {
  drift: Drift;
  repair: Repair;
}

/**
 * Compares a row with what its provider said after the row was read; undefined when they agree, or nothing can be
 * said. Without `observed` the provider holds nothing of it.
 */
export function compare(
  row: ComparedInstance,
  observed?: Pick<ProviderInstance, 'state' | 'specHash' | 'services'>,
): Finding | undefined {
  const state = observed?.state ?? 'missing';
  if (row.state === 'destroying') return { drift: 'deletion', repair: 'remove' };
  if (state === 'unknown') return undefined;
  if (row.desiredState === 'stopped') {
    // Of several services some may run on, whatever the instance as a whole is.
    const runs = state === 'running' || observed?.services?.some((service) => service.state === 'running');
    if (runs) return { drift: 'running', repair: 'stop' };
    return row.state !== 'stopped' || row.unsettled ? { drift: 'state', repair: 'note' } : undefined;
  }
  if (state === 'missing') return { drift: 'missing', repair: 'provision' };
  const hasOtherSpec = observed?.specHash !== undefined && observed.specHash !== row.specHash;
  if (state !== 'running') return { drift: state, repair: hasOtherSpec ? 'deploy' : 'start' };
  if (hasOtherSpec) return { drift: 'spec', repair: 'deploy' };
  if (row.restartRequested) return { drift: 'restart', repair: 'restart' };
  return row.state !== 'running' || row.unsettled ? { drift: 'state', repair: 'note' } : undefined;
}

/** Whether the row needs a change although it agrees with its provider. */
export function isUnsettled({ attempts, reason, requestedAt }: Instance): boolean {
  return attempts > 0 || reason !== undefined || requestedAt !== undefined;
}
