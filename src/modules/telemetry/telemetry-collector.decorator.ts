import 'reflect-metadata';
import { type MetricCollector, type MetricCollectorOptions } from './metric-collector.js';

export const TELEMETRY_COLLECTOR_METADATA = 'ctrlplane-workers:telemetry-collector';

/**
 * A provider that the worker `telemetry_collector` asks for samples at every tick.
 *
 *     @TelemetryCollector()
 *     @Injectable()
 *     export class QueueLengths implements MetricCollector {
 *       constructor(private readonly queues: QueuesService) {}
 *
 *       async collect(): Promise<CollectedSample[]> {
 *         return [{ name: 'queue_length', labels: { queue: 'mail' }, value: await this.queues.length('mail') }];
 *       }
 *     }
 *
 * @publicApi
 */
export function TelemetryCollector(options: MetricCollectorOptions = {}) {
  return (target: new (...args: never[]) => MetricCollector): void =>
    Reflect.defineMetadata(TELEMETRY_COLLECTOR_METADATA, options, target);
}
