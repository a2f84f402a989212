import 'reflect-metadata';
import { Transactions } from '../../dist/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../../dist/modules/schema/data-source.js';
import { PostgresTelemetryStore } from '../../dist/modules/telemetry/postgres-telemetry.store.js';
import { report } from '../harness/child.js';
import { makeSources, readingOf } from './readings.js';

// Stores readings as fast as they are taken, of times that lie that many milliseconds ahead, until it is killed.
const [, , url, instances, ahead] = process.argv;

const dataSource = await connect(dataSourceOptions({ url: url! }));
const store = new PostgresTelemetryStore(dataSource, new Transactions(dataSource), {
  retention: { raw: '49h' },
});
await store.onModuleInit();
const sources = makeSources(Number(instances));
for (let tick = 0; ; tick++) {
  const at = new Date(Date.now() + Number(ahead));
  store.addResources(sources.map((source, index) => readingOf(source, index, tick, at)));
  await store.flush();
  if (tick === 0) report({});
}
