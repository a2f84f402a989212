import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';
import { InvalidMetricError } from './execution.errors.js';

const LONGEST_NAME = 100;
const MOST_METRICS = 50;

/**
 * The metrics of a run with another one.
 * @throws InvalidMetricError
 */
export function withMetric(
  metrics: Record<string, number> = {},
  name: unknown,
  value: unknown,
): Record<string, number> {
  if (typeof name !== 'string' || name === '' || storableText(name, LONGEST_NAME) !== name)
    throw new InvalidMetricError(
      `its name ${JSON.stringify(shown(name).slice(0, 200))} is no text of 1 to ${LONGEST_NAME} characters that a database stores`,
    );
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new InvalidMetricError(
      `the value of "${name}", ${shown(value).slice(0, 200)} (${typeof value}), is no finite number: give one`,
    );
  if (!Object.hasOwn(metrics, name) && Object.keys(metrics).length >= MOST_METRICS)
    throw new InvalidMetricError(
      `"${name}" would be the ${MOST_METRICS + 1}st name, and a run keeps ${MOST_METRICS}: use fewer names`,
    );
  return { ...metrics, [name]: value };
}
