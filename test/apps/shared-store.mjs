// A replica of a control plane whose instances are in a store that others reach as well, over HTTP. What it is to be comes
// as JSON in REPLICA: `url` of its database, `store` of the store, `name`, which it says with each call.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  BaseProvider,
  DatabaseModule,
  ProviderRegistry,
  ReconcilerModule,
} from 'ctrlplane-workers/control-plane';

const { url, store, name } = JSON.parse(process.env.REPLICA);

class HttpProvider extends BaseProvider {
  info = () => ({ name: 'http', description: store, shared: true });
  storeId = async () => 'the-store';
  list = (signal) => this.call('list', undefined, signal);
  provision = ({ instanceId }, signal) => this.call('provision', instanceId, signal);
  deprovision = (id, signal) => this.call('deprovision', id, signal);
  start = (id, signal) => this.call('start', id, signal);
  stop = (id, signal) => this.call('stop', id, signal);

  async call(what, id, signal) {
    const response = await fetch(`${store}/${what}/${id ?? ''}`, {
      method: 'POST',
      headers: { name },
      signal,
    });
    if (!response.ok) throw new Error(`${what}: ${response.status}`);
    return response.json();
  }
}

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    WorkerModule.forRoot(),
    ReconcilerModule.forRoot({ interval: '2s', storeTimeout: '5s', concurrency: 4 }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
// Every provider is there before anything is compared.
app.get(ProviderRegistry, { strict: false }).register('http', new HttpProvider());
app.enableShutdownHooks();
console.log('ready');
