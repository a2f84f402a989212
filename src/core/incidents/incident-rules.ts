import { type OptionNames, unknownOptions } from '../text/option-names.js';
import { Problems } from '../text/problems.js';
import { shown } from '../text/shown.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { type SlowLimits } from './conditions/slow.js';
import { InvalidIncidentsOptionsError } from './incidents.errors.js';
import { type IncidentsOptions, type SlowOptions } from './incidents.options.js';
import { checkWebhooks, type Webhook } from './webhooks/webhook.js';

const NAMES: OptionNames<IncidentsOptions> = {
  missedAfter: true,
  failingAfter: true,
  slow: true,
  webhooks: true,
  onIncident: true,
  keepFor: true,
};

const SLOW_NAMES: OptionNames<SlowOptions> = { factor: true, floor: true };

/** Checked options. Durations are in milliseconds. */
export interface IncidentRules {
  readonly missedAfter: number;
  readonly failingAfter: number;
  /** Undefined when no run counts as slow. */
  readonly slow: SlowLimits | undefined;
  readonly webhooks: readonly Webhook[];
  readonly onIncident: IncidentsOptions['onIncident'];
  readonly keepFor: number;
}

/** @throws InvalidIncidentsOptionsError that names all faults */
export function incidentRules(options: IncidentsOptions = {}): IncidentRules {
  const { missedAfter = '1m', failingAfter = 3, slow = {}, onIncident, keepFor = '30d' } = options;
  const { webhooks, faults } = checkWebhooks(options.webhooks ?? []);
  const problems = new Problems();
  problems.add(...faults, ...unknownOptions(options, NAMES));
  if (slow !== false) problems.add(...unknownOptions(slow, SLOW_NAMES, 'slow'));
  const time = (option: string, duration: Duration): number =>
    problems.checked(option, 0, () => parseDuration(duration));
  if (!(Number.isInteger(failingAfter) && failingAfter >= 1))
    problems.add(`failingAfter: ${shown(failingAfter)} is no number of runs: give 1 or more`);
  if (onIncident !== undefined && typeof onIncident !== 'function')
    problems.add(`onIncident: ${shown(onIncident)} is no function`);
  const limits =
    slow === false ? undefined : { factor: slow.factor ?? 2, floor: time('slow.floor', slow.floor ?? '1s') };
  if (limits && !(limits.factor > 1 && Number.isFinite(limits.factor)))
    problems.add(`slow.factor: ${shown(limits.factor)} makes usual runs slow: give more than 1`);
  const rules = {
    missedAfter: time('missedAfter', missedAfter),
    failingAfter,
    slow: limits,
    webhooks,
    onIncident,
    keepFor: time('keepFor', keepFor),
  };
  if (problems.all.length > 0) throw new InvalidIncidentsOptionsError(problems.all);
  return rules;
}
