import { type Datacenter } from '../datacenters/datacenter.js';
import { type BootstrapServiceSpec } from './bootstrap-spec.js';

/** Registered symbol: two copies of this package in one process still find each other's hooks. */
export const BOOTSTRAP_HOOK_METADATA = Symbol.for('ctrlplane-workers/bootstrap-hook');

export interface BootstrapHookMetadata {
  name?: string;
}

type HookMethod = (
  datacenter: Datacenter,
  signal: AbortSignal,
) => readonly BootstrapServiceSpec[] | Promise<readonly BootstrapServiceSpec[]>;

/**
 * Makes a provider's method contribute bootstrap services to datacenters. It is asked in every pass, for every
 * datacenter that is not offline; what it contributed last stays while it fails or takes too long. What a datacenter
 * declares under the same name wins, then what was registered first. The name defaults to `Class.method`.
 *
 * @example
 * \@BootstrapHook('ingress')
 * contribute({ name }: Datacenter) {
 *   return [{ name: 'ingress', services: [{ name: 'proxy', spec: { command: ['caddy', 'run'] } }] }];
 * }
 */
export function BootstrapHook(name?: string) {
  return <M extends HookMethod>(
    _target: object,
    _key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): void => {
    Reflect.defineMetadata(
      BOOTSTRAP_HOOK_METADATA,
      { name } satisfies BootstrapHookMetadata,
      descriptor.value as object,
    );
  };
}
