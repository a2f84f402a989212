import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { count } from '../../input/count.js';
import { durationOption } from '../../input/duration.js';
import { parseInput } from '../../input/input.js';

/** Options of `IncidentWatchModule.forRoot`. */
export interface IncidentWatchOptions {
  /** Time between two looks. Default 15 s. */
  interval?: Duration | undefined;
  /** Failures in a row, of an instance or of a certificate's renewal, from which on it is an incident. Default 3. */
  failingAfter?: number | undefined;
  /** How long nothing may be read of the running instances of a provider. Default 5 m. */
  silentAfter?: Duration | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface IncidentWatchSettings {
  readonly interval: number;
  readonly failingAfter: number;
  readonly silentAfter: number;
}

const schema = z.strictObject({
  interval: durationOption('15s'),
  failingAfter: count(1, 1_000).default(3),
  silentAfter: durationOption('5m'),
});

/** @throws InvalidInputError that names every option that cannot be */
export function incidentWatchSettings(options: IncidentWatchOptions): IncidentWatchSettings {
  return parseInput('incident watch option', schema, options);
}

export const {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: INCIDENT_WATCH_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<IncidentWatchOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/incident-watch-options'),
})
  .setClassMethodName('forRoot')
  .build();
