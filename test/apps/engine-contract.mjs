// The contracts of engines, of the built package, over pg-boss: in a process of its own, as pg-boss declares a newer Node than others
// have. URL is that of a database. Says each case as `ok name` or `not ok name`, with the error.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { pgBoss } from 'ctrlplane-workers/fan-out';
import { fanOutEngineContract, sharedFanOutEngineContract } from 'ctrlplane-workers/testing';

const connectionString = process.env.URL;
const setup = async () => {
  const prefix = randomUUID();
  return { engine: () => pgBoss({ connectionString, prefix }) };
};
for (const { name, run } of [...fanOutEngineContract(setup), ...sharedFanOutEngineContract(setup)]) {
  const from = Date.now();
  try {
    await run();
    console.log(`ok ${name}`, process.env.TIMES ? Date.now() - from : '');
  } catch (error) {
    console.log(`not ok ${name}`, error);
  }
}
console.log('done');
