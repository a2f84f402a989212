/*
 * Reminders of users: one handler, and a stored schedule for each user. With DATABASE_URL they are kept in PostgreSQL, where any number of
 * processes share them; without it they go with the process.
 *
 *     npm run examples:build && node dist/examples/reminders/main.js
 */
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Reminders, RemindersModule } from './reminders.js';

const app = await NestFactory.createApplicationContext(RemindersModule);
app.enableShutdownHooks([], { useProcessExit: true });

const reminders = app.get(Reminders);
await reminders.set('ada', 'drink some water', { every: '2s' });
await reminders.set('grace', 'stand-up', { cron: '0 9 * * mon-fri', timeZone: 'America/New_York' });
await reminders.set('linus', 'once', { at: new Date() });
const next = await reminders.next('grace');
new Logger('Reminders').log(`The next stand-up of grace is at ${next?.toISOString()}`);
