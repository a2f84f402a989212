import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * `@tsconfig/strictest`, but for what fragments cannot have: `noUnusedLocals`, `noUnusedParameters`, and
 * `noPropertyAccessFromIndexSignature`, which is about `process.env.NAME`.
 */
const STRICTEST: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  isolatedModules: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  noEmit: true,
  paths: entries(),
};

/** Where the names come from that the examples do not import themselves. */
const MODULES = [
  ...Object.keys(entries()),
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/terminus',
  '@nestjs/typeorm',
  'typeorm',
];

/** What an application has of its own, by the name that the examples give it. */
const OWN: Record<string, string> = {
  AdminGuard: 'class AdminGuard { canActivate() { return true; } }',
  AppModule: 'class AppModule {}',
  Public: 'declare const Public: () => ClassDecorator;',
  FeatureFlagGuard: "class FeatureFlagGuard { canActivate() { return true; } }",
  TenantInterceptor: "class TenantInterceptor { intercept(_c: unknown, next: import('@nestjs/common').CallHandler) { return next.handle(); } }",
  Region: 'declare const Region: () => ParameterDecorator;',
  EventEmitter: "import { EventEmitter } from 'node:events';",
  Mailer: 'class Mailer {}',
  User: 'interface User { id: string; timeZone: string; reminder: string }',
  user: 'declare const user: { id: string };',
  users: "declare const users: import('typeorm').DataSource;",
  schedules: "declare const schedules: import('ctrlplane-workers/control-plane').Schedules;",
  send: 'declare function send(key: string, text: string, signal: AbortSignal): Promise<void>;',
  ThumbnailsModule: 'class ThumbnailsModule {}',
  Usage: 'class Usage { readonly config = { interval: 60_000 }; }',
  QueuesService: 'abstract class QueuesService { abstract length(name: string): Promise<number>; }',
  PageQuery: 'interface PageQuery { limit: number; after?: string | undefined; }',
  UploadsService: "abstract class UploadsService { abstract list(query: unknown): Promise<import('ctrlplane-workers/control-plane').Page<{ id: string }>>; }",
  Stack: 'abstract class Stack { abstract push(value: number): void; abstract pop(): number | undefined; }',
  app: "declare const app: import('@nestjs/common').INestApplication;",
  assert: "import assert from 'node:assert/strict';",
  expect: "import { expect } from '@jest/globals';",
  it: "import { it } from '@jest/globals';",
  harness: "declare const harness: import('ctrlplane-workers/testing').WorkerTestHarness;",
  history: "declare const history: import('ctrlplane-workers').RunStore;",
  https: "import https from 'node:https';",
  mailer: 'declare const mailer: object;',
  openMyStore: "declare function openMyStore(): Promise<import('ctrlplane-workers').RunStore>;",
  url: 'declare const url: string;',
  Tenants: 'declare class Tenants { ids(): Promise<string[]>; sweep(id: string, signal: AbortSignal): Promise<number>; }',
  rows: 'declare const rows: readonly object[];',
  handle: 'declare function handle(row: object): Promise<void>;',
  coordination: "declare const coordination: import('ctrlplane-workers').Coordinator;",
  incidents: "declare const incidents: import('ctrlplane-workers/incidents').Incidents;",
  tenant: "declare const tenant: import('ctrlplane-workers/control-plane').TenantId;",
  tenantId: "declare const tenantId: import('ctrlplane-workers/control-plane').TenantId;",
  workloads: "declare const workloads: import('ctrlplane-workers/control-plane').WorkloadsService;",
}; // prettier-ignore

interface Example {
  /** `docs/runs.md 2`: the second of its page. */
  title: string;
  path: string;
  text: string;
}

const examples = pages().flatMap(examplesOf);

describe('what compiles under the strictest flags', () => {
  let faultsOf: (path: string) => string[];

  beforeAll(() => {
    const names = exportedNames();
    const texts = new Map(examples.map(({ path, text }) => [path, whole(text, names)]));
    const program = programOf(texts);
    faultsOf = (path) => {
      const file = program.getSourceFile(path)!;
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
        ({ messageText, start, length }) =>
          `${file.text.slice(start, start! + length!)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
    };
  }, 120_000);

  it.each(examples)('the example $title', ({ path }) => {
    expect(faultsOf(path)).toEqual([]);
  });

  it.each(applications())('the application examples/%s', (path) => {
    expect(faultsOf(join(ROOT, 'examples', path))).toEqual([]);
  });

  it('notices what does not: an option that there is not', () => {
    expect(faultsOf(join(ROOT, 'docs/wrong.ts'))).toEqual([expect.stringContaining("'tokn' does not exist")]);
  });
});

describe('every option', () => {
  it('may be undefined, as what comes from the environment may be', () => {
    expect(refusingUndefined()).toEqual([]);
  }, 120_000);
});

/** Each entry of the package, and the source that it is built from. */
function entries(): Record<string, string[]> {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, { import?: { types: string } }>;
  };
  return Object.fromEntries(
    Object.entries(exports).flatMap(([entry, at]) =>
      at.import
        ? [[`ctrlplane-workers${entry.slice(1)}`, [join(ROOT, at.import.types.replace('dist', 'src').replace('.d.ts', '.ts'))]]]
        : [],
    ),
  ); // prettier-ignore
}

function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  // Recipes are about packages that are not here: recipes.spec.ts.
  const names = docs.filter((name) => name.endsWith('.md') && !name.startsWith('recipes'));
  return ['README.md', ...names.map((name) => join('docs', name))].sort();
}

function applications(): string[] {
  const names = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts') && !name.includes('node_modules')).sort();
}

function examplesOf(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^ *```/gms)].map(([, code], i) => ({
    title: `${page} ${i + 1}`,
    path: join(ROOT, page.replace(/\.md$/, `.example-${i + 1}.ts`)),
    text: code!,
  }));
}

/** A fragment with what it leaves out: the class around a method, the method below a decorator, and the imports. */
function whole(text: string, names: ReadonlyMap<string, string>): string {
  const lines = text.trimEnd().split('\n');
  const body = lines.every((line) => line.startsWith('@'))
    ? `class Example {\n${lines.map((line, i) => `${line}\nmethod${i}() {}`).join('\n')}\n}`
    : /^async \w+\(/.test(text)
      ? `class Example {\n${text}}`
      : // What a class is injected is not shown where it is not the point.
        text.replace('this.uploads.list', '(undefined as unknown as UploadsService).list');
  const declared = new Set(
    [...body.matchAll(/(?:const|let|class|function) (\w+)|import \{?([^}]*?)\}? from/g)].flatMap(
      ([, name, imported]) => (name ? [name] : imported!.split(',').map((part) => part.trim().replace('type ', ''))),
    ),
  ); // prettier-ignore
  const used = new Set(body.match(/[A-Za-z_]\w*/g));
  const left = [...used].filter((name) => !declared.has(name));
  const own = left.filter((name) => Object.hasOwn(OWN, name));
  const imports = left.filter((name) => names.has(name) && !own.includes(name));
  return [
    ...imports.map((name) => names.get(name)!),
    ...own.map((name) => OWN[name]),
    body,
    'export {};',
  ].join('\n'); // prettier-ignore
}

/** By name, how it is imported; ours before others. */
function exportedNames(): Map<string, string> {
  const path = join(ROOT, 'docs/modules.ts');
  const program = programOf(new Map([[path, MODULES.map((name, i) => `import * as m${i} from '${name}'; m${i};`).join('\n')]]));
  const checker = program.getTypeChecker();
  const names = new Map<string, string>();
  program.getSourceFile(path)!.forEachChild((node) => {
    if (!ts.isImportDeclaration(node)) return;
    const symbol = checker.getSymbolAtLocation(node.moduleSpecifier)!;
    for (const exported of checker.getExportsOfModule(symbol)) {
      const { name, flags } = exported;
      const isValue = (flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported).flags & ts.SymbolFlags.Value;
      const type = isValue ? '' : 'type ';
      if (!names.has(name) || (type === '' && names.get(name)!.includes('{ type '))) names.set(name, `import { ${type}${name} } from ${node.moduleSpecifier.getText()};`);
    }
  });
  return names;
} // prettier-ignore

/** Optional members of exported options that cannot be given as `undefined`. */
function refusingUndefined(): string[] {
  const path = join(ROOT, 'docs/modules.ts');
  const own = Object.keys(entries());
  const program = programOf(new Map([[path, own.map((name, i) => `import * as m${i} from '${name}'; m${i};`).join('\n')]]));
  const checker = program.getTypeChecker();
  const refusing = new Set<string>();
  program.getSourceFile(path)!.forEachChild((node) => {
    if (!ts.isImportDeclaration(node)) return;
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(node.moduleSpecifier)!)) {
      if (!/(?:Options|Access|Backoff|Cancellation|Query)$/.test(exported.name)) continue;
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
        const ours = member.declarations?.some((at) => at.getSourceFile().fileName.startsWith(join(ROOT, 'src')));
        if (!ours || !(member.flags & ts.SymbolFlags.Optional)) continue;
        const { valueDeclaration: at } = member;
        if (at && ts.isPropertySignature(at) && at.type && !takesUndefined(checker.getTypeFromTypeNode(at.type))) refusing.add(`${exported.name}.${member.name}`);
      }
    }
  });
  return [...refusing];
} // prettier-ignore

function takesUndefined(type: ts.Type): boolean {
  const takes = ts.TypeFlags.Undefined | ts.TypeFlags.Any | ts.TypeFlags.Unknown;
  return type.isUnion() ? type.types.some(takesUndefined) : (type.flags & takes) !== 0;
}

const sources = new Map<string, ts.SourceFile | undefined>();

/** Of files that are in no directory, and of the examples that are. */
function programOf(texts: ReadonlyMap<string, string>): ts.Program {
  const virtual = new Map([
    ...texts,
    [
      join(ROOT, 'docs/wrong.ts'),
      "import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';\nWorkerDashboardModule.forRoot({ tokn: '' });",
    ],
  ]);
  const host = ts.createCompilerHost(STRICTEST);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => {
    const text = virtual.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, rest[0]);
    if (!sources.has(path)) sources.set(path, getSourceFile(path, ...rest));
    return sources.get(path);
  };
  const roots = [...virtual.keys(), ...applications().map((name) => join(ROOT, 'examples', name))];
  return ts.createProgram(roots, STRICTEST, host);
}
