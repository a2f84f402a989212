import { type Provider, type ProviderInstance } from '../providers/provider.js';
import { type Instance } from './instance.js';

/** The call that makes it run as its row says. A provider without `deploy` replaces the instance. */
export function callProvider(
  provider: Provider,
  repair: 'provision' | 'start' | 'restart' | 'deploy',
  { id: instanceId, tenantId, name, spec, labels }: Instance,
  signal?: AbortSignal,
): Promise<ProviderInstance> {
  if (repair === 'start') return provider.start(instanceId, signal);
  if (repair === 'restart') return provider.restart(instanceId, signal);
  const provision = () => provider.provision({ instanceId, tenantId, name, spec, labels }, signal);
  if (repair === 'provision') return provision();
  if (provider.capabilities().has('deploy')) return provider.deploy(instanceId, spec, signal);
  return provider.deprovision(instanceId, signal).then(provision);
}
