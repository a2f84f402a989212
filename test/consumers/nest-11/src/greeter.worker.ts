import { Injectable } from '@nestjs/common';
import { Interval, RunContext } from 'ctrlplane-workers';
import { Journal } from './journal.js';

@Injectable()
export class Greeter {
  /** For a test to wait in the run. */
  during: (context: RunContext) => unknown = () => {};

  constructor(private readonly journal: Journal) {}

  @Interval('greeter', '1m')
  async greet(context: RunContext): Promise<void> {
    await this.during(context);
    this.journal.entries.push(
      RunContext.current()?.worker === 'greeter' ? 'greeted' : 'greeted out of place',
    );
  }
}
