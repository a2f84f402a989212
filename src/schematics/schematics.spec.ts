import { HostTree, type Rule, SchematicsException } from '@angular-devkit/schematics';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { nestAdd } from './nest-add.schematic.js';
import { worker } from './worker.schematic.js';

const MODULE = `import { Module } from '@nestjs/common';
import { AppService } from './app.service';

@Module({
  imports: [],
  providers: [AppService],
})
export class AppModule {}
`;
const MAIN = `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { bufferLogs: true });
  await app.listen(process.env.PORT ?? 3000);
}
bootstrap();
`;

describe('schematics', () => {
  let tree: HostTree;
  const warn = jest.fn();
  const addTask = jest.fn();
  const run = (rule: Rule): void => void rule(tree, { logger: { warn }, addTask } as never);
  const read = (file: string) => tree.read(file)?.toString();

  beforeEach(() => {
    warn.mockReset();
    addTask.mockReset();
    tree = new HostTree();
    tree.create('/package.json', '{}');
    tree.create('/src/app.module.ts', MODULE);
    tree.create('/src/main.ts', MAIN);
  });

  describe('worker', () => {
    it('makes a worker with an interval, its spec, and its place in the module', () => {
      run(worker({ name: 'usageReporter', sourceRoot: 'src' }));
      const source = read('/src/usage-reporter/usage-reporter.worker.ts');
      expect(source).toContain(`@Interval('usage_reporter', '5m', { timeout: '1m' })`);
      expect(source).toContain('export class UsageReporterWorker {');
      const spec = read('/src/usage-reporter/usage-reporter.worker.spec.ts');
      expect(spec).toContain(`import { UsageReporterWorker } from './usage-reporter.worker';`);
      expect(spec).toContain(`harness.runNext('usage_reporter')`);
      const module = read('/src/app.module.ts');
      expect(module).toContain('providers: [AppService, UsageReporterWorker]');
      expect(module).toContain(
        `import { UsageReporterWorker } from './usage-reporter/usage-reporter.worker';`,
      );
    });

    it.each([
      ['nightly', '/src/nightly/nightly.worker.ts', 'NightlyWorker'],
      ['nightly-worker', '/src/nightly/nightly.worker.ts', 'NightlyWorker'],
      ['NightlyWorker', '/src/nightly/nightly.worker.ts', 'NightlyWorker'],
      ['billing/nightly', '/src/billing/nightly/nightly.worker.ts', 'NightlyWorker'],
      ['worker', '/src/worker/worker.worker.ts', 'WorkerWorker'],
    ])('of the name %s makes %s', (name, file, type) => {
      run(worker({ name, sourceRoot: 'src' }));
      expect(read(file)).toContain(`export class ${type} {`);
    });

    it('makes one that runs by cron', () => {
      run(worker({ name: 'nightly', cron: '0 3 * * *', sourceRoot: 'src' }));
      expect(read('/src/nightly/nightly.worker.ts')).toContain(
        `@Cron('0 3 * * *', { name: 'nightly', timeout: '1m' })`,
      );
    });

    it('is put where it is told to, without what is not wanted', () => {
      run(
        worker({ name: 'x', sourceRoot: 'src', path: 'src/jobs', flat: true, spec: false, skipImport: true }),
      );
      expect(tree.exists('/src/jobs/x.worker.ts')).toBe(true);
      expect(tree.exists('/src/jobs/x.worker.spec.ts')).toBe(false);
      expect(read('/src/app.module.ts')).toBe(MODULE);
    });

    it('imports with the ending in a project of ES modules', () => {
      tree.overwrite('/package.json', '{ "type": "module" }');
      run(worker({ name: 'x', sourceRoot: 'src' }));
      expect(read('/src/x/x.worker.spec.ts')).toContain(`from './x.worker.js'`);
      expect(read('/src/app.module.ts')).toContain(`import { XWorker } from './x/x.worker.js';`);
    });

    it('says what is left to do where the providers are no list', () => {
      const module = MODULE.replace('[AppService]', 'providers');
      tree.overwrite('/src/app.module.ts', module);
      run(worker({ name: 'x', sourceRoot: 'src' }));
      expect(read('/src/app.module.ts')).toBe(module);
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('add XWorker to the providers'));
    });

    it.each([
      [{ name: 'x', every: '5x' }, /'5x' is not a duration/],
      [{ name: '1st' }, /"1st" makes no name of a class/],
      [{ name: `x'; process.exit(); '` }, /makes no name of a class/],
    ])('refuses %j', (options, message) => {
      expect(() => run(worker({ ...options, sourceRoot: 'src' }))).toThrow(message);
    });

    it('replaces no file', () => {
      run(worker({ name: 'x', sourceRoot: 'src' }));
      expect(() => run(worker({ name: 'x', sourceRoot: 'src' }))).toThrow(SchematicsException);
    });
  });

  describe('nest-add', () => {
    it('imports the module and enables shutdown hooks, once', () => {
      run(nestAdd({}));
      const [module, main] = [read('/src/app.module.ts'), read('/src/main.ts')];
      expect(module).toContain(`import { WorkerModule } from 'ctrlplane-workers';`);
      expect(module).toContain('imports: [WorkerModule.forRoot(), HealthModule]');
      expect(main).toContain(`bufferLogs: true });\n  app.enableShutdownHooks();\n  await app.listen`);
      run(nestAdd({}));
      expect([read('/src/app.module.ts'), read('/src/main.ts')]).toEqual([module, main]);
      expect(warn).not.toHaveBeenCalled();
    });

    it.each([
      ['^11.0.1', '^6.0.0', '^11.0.0'],
      ['~12.5.0', '^12.0.0', '^12.0.0'],
    ])('brings what it needs in the versions that fit NestJS %s', (nest, needed, terminus) => {
      tree.overwrite(
        '/package.json',
        JSON.stringify({ name: 'x', dependencies: { '@nestjs/core': nest, zod: '4' } }),
      );
      run(nestAdd({}));
      expect(JSON.parse(read('/package.json')!)).toEqual({
        name: 'x',
        dependencies: {
          '@nestjs/core': nest,
          '@nestjs/schedule': needed,
          '@nestjs/terminus': terminus,
          zod: '4',
        },
      });
      expect(addTask).toHaveBeenCalledTimes(1);
    });

    it('installs nothing when it is told not to', () => {
      run(nestAdd({ skipInstall: true }));
      expect(JSON.parse(read('/package.json')!)).toHaveProperty('dependencies');
      expect(addTask).not.toHaveBeenCalled();
    });

    it('leaves packages as they are where the project has them', () => {
      const manifest =
        '{"dependencies":{"@nestjs/core":"^11.0.0","@nestjs/schedule":"5.0.0"},"devDependencies":{"@nestjs/terminus":"11.0.0"}}';
      tree.overwrite('/package.json', manifest);
      run(nestAdd({}));
      expect(read('/package.json')).toBe(manifest);
      expect(addTask).not.toHaveBeenCalled();
    });

    it('keeps what the module imports', () => {
      tree.overwrite(
        '/src/app.module.ts',
        MODULE.replace('imports: []', 'imports: [TypeOrmModule.forRoot({ a: 1 })]'),
      );
      run(nestAdd({}));
      expect(read('/src/app.module.ts')).toMatch(
        /imports: \[TypeOrmModule\.forRoot\(\{ a: 1 \}\), WorkerModule\.forRoot\(\), HealthModule\],/,
      );
    });

    it('coordinates replicas on PostgreSQL when it is told to', () => {
      tree.overwrite('/package.json', '{"dependencies":{"@nestjs/core":"^12.0.0"}}');
      run(nestAdd({ store: 'postgres', health: false }));
      const module = read('/src/app.module.ts');
      expect(module).toContain(`import { postgres } from 'ctrlplane-workers/postgres';`);
      expect(module).toMatch(
        /WorkerModule\.forRoot\(\{\s+coordination: postgres\(\{ connectionString: process\.env\.DATABASE_URL \}\),\s+\}\)/,
      );
      expect(JSON.parse(read('/package.json')!)).toHaveProperty('dependencies.pg');
    });

    it('refuses a store that there is not', () => {
      expect(() => run(nestAdd({ store: 'redis' as never }))).toThrow(/redis: there are memory and postgres/);
    });

    it('makes a health check that asks the workers', () => {
      run(nestAdd({}));
      expect(read('/src/app.module.ts')).toContain(`import { HealthModule } from './health/health.module';`);
      expect(read('/src/health/health.module.ts')).toContain('imports: [TerminusModule, WorkerHealthModule]');
      expect(read('/src/health/health.controller.ts')).toContain(`this.workers.isHealthy('workers')`);
    });

    it('makes none when it is told not to', () => {
      run(nestAdd({ health: false }));
      expect(read('/src/app.module.ts')).toContain('imports: [WorkerModule.forRoot()]');
      expect(tree.exists('/src/health/health.module.ts')).toBe(false);
    });

    it('imports with the ending in a project of ES modules', () => {
      tree.overwrite('/package.json', '{ "type": "module" }');
      run(nestAdd({}));
      expect(read('/src/app.module.ts')).toContain(`from './health/health.module.js'`);
      expect(read('/src/health/health.module.ts')).toContain(`from './health.controller.js'`);
    });

    it('leaves a health check as it is, and says how it asks the workers', () => {
      const own = 'constructor(private readonly health: HealthCheckService) {}';
      tree.create('/src/status/status.controller.ts', own);
      run(nestAdd({}));
      expect(read('/src/status/status.controller.ts')).toBe(own);
      expect(tree.exists('/src/health/health.module.ts')).toBe(false);
      expect(warn).toHaveBeenCalledWith(
        expect.stringMatching(/status\.controller\.ts has a health check: inject WorkerHealthIndicator/),
      );
    });

    it('replaces no file of the name', () => {
      tree.create('/src/health/health.module.ts', 'export class HealthModule {}');
      run(nestAdd({}));
      expect(read('/src/health/health.module.ts')).toBe('export class HealthModule {}');
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('No health check was made'));
    });

    it('says what is left to do where the imports are no list', () => {
      const module = MODULE.replace('imports: []', 'imports: modules');
      tree.overwrite('/src/app.module.ts', module);
      run(nestAdd({}));
      expect(read('/src/app.module.ts')).toBe(module);
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('add WorkerModule.forRoot()'));
    });

    it('says what is left to do where main.ts looks otherwise', () => {
      tree.overwrite('/src/main.ts', 'export const handler = createServer();\n');
      run(nestAdd({}));
      expect(read('/src/main.ts')).toBe('export const handler = createServer();\n');
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('call app.enableShutdownHooks()'));
    });

    it('asks for the root module where it is not found', () => {
      expect(() => run(nestAdd({ sourceRoot: 'apps/api/src' }))).toThrow(
        /There is no \/apps\/api\/src\/app.module.ts/,
      );
    });
  });
});
