import { asTable } from './harness/report.js';
import { thisMachine } from './harness/machine.js';
import { telemetryQuery } from './telemetry-query.bench.js';
console.log(asTable(telemetryQuery, await telemetryQuery.run((l) => console.error(l)), thisMachine()));
