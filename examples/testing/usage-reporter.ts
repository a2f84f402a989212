import { Inject, Injectable, Module } from '@nestjs/common';
import { Interval, type RunContext, WorkerModule } from 'ctrlplane-workers';

/** What the application talks to; the tests put another one in its place. */
@Injectable()
export class UsageApi {
  async report(units: number, signal: AbortSignal): Promise<void> {
    await fetch('https://example.com/usage', { method: 'POST', body: String(units), signal });
  }
}

/** The worker under test. */
@Injectable()
export class UsageReporter {
  units = 0;

  // By its token: esbuild, which is below tsx, leaves no types of parameters for Nest to read.
  constructor(@Inject(UsageApi) private readonly api: UsageApi) {}

  @Interval('usage_reporter', '5m', { timeout: '1m' })
  async report({ signal }: RunContext): Promise<void> {
    await this.api.report(this.units, signal);
    this.units = 0;
  }
}

@Module({ imports: [WorkerModule.forRoot()], providers: [UsageApi, UsageReporter] })
export class UsageModule {}
