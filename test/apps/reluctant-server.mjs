// An instance that takes its time to end: STOP_AFTER milliseconds after SIGTERM.
import { createServer } from 'node:http';

const { PORT, STOP_AFTER = '0' } = process.env;

createServer((_, response) => response.end(String(process.pid))).listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => setTimeout(() => process.exit(), Number(STOP_AFTER)));
