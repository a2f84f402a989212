import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/modules/schema/data-source.js';

/** For the TypeORM CLI: the database of `DATABASE_URL`, or the embedded one of the app that runs here. */
export default new DataSource(dataSourceOptions({ url: process.env.DATABASE_URL ?? embeddedUrl() }));

function embeddedUrl(): string {
  const file = resolve(import.meta.dirname, process.env.DATA_DIR ?? '.data', 'postgres.url');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  throw new Error(`No database: set DATABASE_URL, or start the app (npm start), which writes ${file}.`);
}
