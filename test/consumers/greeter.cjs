/** Runs a worker three times in an application of what was imported, and tells what its history says. */
exports.run = async ({ Injectable, Module, NestFactory, Interval, WorkerModule, Scheduler, RunRecorder }) => {
  let done;
  const thrice = new Promise((resolve) => (done = resolve));

  class Greeter {
    count = 0;
    greet({ worker, signal }) {
      if (worker !== 'greeter' || signal.aborted) throw new Error('not the context that was promised');
      if (++this.count === 3) done();
    }
  }
  const method = Object.getOwnPropertyDescriptor(Greeter.prototype, 'greet');
  Interval('greeter', '20ms')(Greeter.prototype, 'greet', method);
  Injectable()(Greeter);

  class App {}
  Module({ imports: [WorkerModule.forRoot()], providers: [Greeter] })(App);

  const app = await NestFactory.createApplicationContext(App, { logger: false });
  await thrice;
  await app.close();
  const runs = await app.get(RunRecorder).find({ worker: 'greeter', limit: 3 });
  return {
    node: process.version,
    running: app.get(Scheduler).running,
    outcomes: runs.map(({ outcome }) => outcome),
  };
};
