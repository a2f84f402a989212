import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  BaseProvider,
  type InstanceId,
  type ProviderInstance,
  type ProvisionRequest,
  specHash,
} from 'ctrlplane-workers/control-plane';

interface Thread extends ProvisionRequest {
  worker?: Worker;
  state: ProviderInstance['state'];
}

/** Runs instances as threads of this very process: `command` is a module and its arguments. */
export class ThreadProvider extends BaseProvider {
  private readonly threads = new Map<InstanceId, Thread>();

  info = () => ({ name: 'threads', description: 'Threads of this process' });

  // What it holds ends with the process: the next one finds nothing, and the reconciler makes it all anew.
  storeId = async () => `threads@${hostname()}`;

  async provision(request: ProvisionRequest): Promise<ProviderInstance> {
    if (this.threads.get(request.instanceId)?.state !== 'running')
      this.threads.set(request.instanceId, { ...request, state: 'exited' });
    return this.start(request.instanceId);
  }

  async start(id: InstanceId): Promise<ProviderInstance> {
    const thread = this.threads.get(id)!;
    if (thread.state === 'running') return this.describe(thread);
    const [module = '', ...argv] = thread.spec.command;
    const worker = new Worker(module, { argv, env: thread.spec.env });
    Object.assign(thread, { worker, state: 'running' });
    worker
      .on('error', () => undefined)
      .on('exit', () => thread.worker === worker && (thread.state = 'exited'));
    return this.describe(thread);
  }

  async stop(id: InstanceId): Promise<void> {
    const thread = this.threads.get(id);
    await thread?.worker?.terminate();
    if (thread) thread.state = 'stopped';
  }

  async deprovision(id: InstanceId): Promise<void> {
    await this.stop(id);
    this.threads.delete(id);
  }

  list = async () => [...this.threads.values()].map((thread) => this.describe(thread));

  private describe({ instanceId, tenantId, labels, spec, state, worker }: Thread): ProviderInstance {
    const ref = worker && `thread-${worker.threadId}`;
    return { instanceId, tenantId, labels, endpoints: [], state, ref, specHash: specHash(spec) };
  }
}
