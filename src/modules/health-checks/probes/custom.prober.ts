import { type CustomProbe, type ProbeResult } from '../health-check.js';
import { type HealthCheckers } from '../health-checkers.js';
import { ProberFault, type ProbeContext, type Prober } from './prober.js';
import { abortable } from '../../network-policy/dial.js';
import { storableText } from '../../database/text.js';

const OUTCOMES: readonly unknown[] = ['success', 'degraded', 'failure', 'unknown'];

/** Asks a `@HealthChecker` of the application. */
export class CustomProber implements Prober<CustomProbe> {
  constructor(private readonly checkers: HealthCheckers) {}

  async probe({ checker, config }: CustomProbe, context: ProbeContext): Promise<ProbeResult> {
    const found = this.checkers.find(checker);
    if (!found) throw new ProberFault(`This replica has no checker "${checker}"`);
    const answer = (await abortable(
      Promise.resolve(
        found.check({ config, instance: context.instance, signal: context.signal.abortSignal }),
      ),
      context.signal,
    )) as Partial<ProbeResult> | undefined;
    if (!OUTCOMES.includes(answer?.outcome))
      throw new ProberFault(
        `The checker "${checker}" gave no outcome: success, degraded, failure or unknown`,
      );
    return {
      outcome: answer!.outcome!,
      message: storableText(String(answer!.message ?? answer!.outcome)).slice(0, 500),
    };
  }
}
