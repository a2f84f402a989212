import 'reflect-metadata';
import { runSeeds } from '../run-seeds.js';
import { simulateSchedules } from './simulation.js';

/** `npm run simulate:schedules -- --seeds N --from S`, or `--seed X --trace` to see one. */
await runSeeds('simulate:schedules', simulateSchedules);
