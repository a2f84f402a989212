import 'reflect-metadata';
import { runSeeds } from './run-seeds.js';
import { simulate } from './simulation.js';

/** `npm run simulate -- --seeds N --from S`, or `--seed X --trace` to see one. */
await runSeeds('simulate', simulate);
