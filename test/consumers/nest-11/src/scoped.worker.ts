import { Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Interval, type RunContext } from 'ctrlplane-workers';
import { Journal } from './journal.js';

@Injectable({ scope: Scope.REQUEST })
export class PerRun {
  private static made = 0;
  readonly number = ++PerRun.made;

  constructor(@Inject(REQUEST) readonly request: RunContext) {}
}

@Injectable()
export class ScopedWorker {
  constructor(
    private readonly perRun: PerRun,
    private readonly journal: Journal,
  ) {}

  @Interval('scoped', 0)
  run({ runId }: RunContext): void {
    const own = this.perRun.request.runId === runId;
    this.journal.entries.push(`${own ? 'own' : 'foreign'} ${this.perRun.number}`);
  }
}
