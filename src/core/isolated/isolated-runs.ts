import { type INestApplicationContext } from '@nestjs/common';
import { RunInterceptors } from '../execution/run-interceptor.js';
import { type RunStart, type ToParent } from '../isolation/messages.js';
import { toLogged } from '../isolation/logged.js';
import { toWire } from '../isolation/wire-error.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { runContextStorage } from '../worker/run-context.js';
import { Assertions } from './assertions.js';
import { type Channel } from './channel.js';
import { IsolatedContext } from './isolated-context.js';

/** Runs the workers of this child's context, one run at a time. */
export class IsolatedRuns {
  readonly assertions: Assertions;
  private readonly registry: WorkerRegistry;
  private readonly interceptors: RunInterceptors;
  private active?: IsolatedContext | undefined;

  constructor(
    app: INestApplicationContext,
    private readonly channel: Channel,
  ) {
    this.assertions = new Assertions(channel);
    this.registry = app.get(WorkerRegistry, { strict: false });
    this.interceptors = app.get(RunInterceptors, { strict: false });
  }

  get names(): string[] {
    return this.registry.names();
  }

  abort(reason: unknown): void {
    this.active?.abort(reason);
  }

  async run(start: RunStart, answers: boolean): Promise<void> {
    const context = (this.active = new IsolatedContext(start, this.channel, this.assertions));
    let ended: ToParent & { type: 'ended' };
    try {
      const result = await this.call(context);
      ended = { type: 'ended', ...(answers && { result }) };
    } catch (error) {
      const byAbort = context.signal.aborted && error === context.signal.reason;
      ended = { type: 'ended', thrown: toWire(error), ...(byAbort && { byAbort }) };
    }
    this.active = undefined;
    context.end();
    this.tell(context, ended);
  }

  private call(context: IsolatedContext): unknown {
    const worker = this.registry.find(context.worker);
    if (!worker)
      throw new Error(
        `The module of this run has no worker "${context.worker}", but ${this.names.join(', ') || 'none'}: provide its class there`,
      );
    return runContextStorage.run(context, () => this.interceptors.around(context, () => worker.run(context)));
  }

  private tell(context: IsolatedContext, ended: ToParent & { type: 'ended' }): void {
    try {
      this.channel.post(ended);
    } catch (error) {
      // It has done its work, and in the main thread nobody would ask for a copy.
      const text =
        'What it returned cannot be copied to the application, where it is left out: return plain values';
      this.channel.post({ type: 'log', level: 'warn', args: toLogged([text, error, context.worker]) });
      this.channel.post({ type: 'ended' });
    }
  }
}
