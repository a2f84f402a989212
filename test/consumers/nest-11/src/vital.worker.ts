import { Injectable } from '@nestjs/common';
import { Interval } from 'ctrlplane-workers';

@Injectable()
export class Vital {
  /** For a test to hang or fail the run. */
  during: () => unknown = () => {};

  @Interval('vital', '10m', { timeout: '1m', critical: true })
  run(): unknown {
    return this.during();
  }
}
