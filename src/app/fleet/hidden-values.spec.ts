import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFleetFile } from './fleet-file.js';

const SECRET = 'hunter2';

describe('An error about a fleet file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hidden-values-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  function errorOf(text: string): string {
    const file = join(directory, 'fleet.yaml');
    writeFileSync(file, text);
    try {
      loadFleetFile(file);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('The file was taken');
  }

  it.each([
    ['variables', `API=1\nTOKEN=${SECRET}\n`],
    ['one variable', `TOKEN=${SECRET}`],
    ['users', `root:$y$${SECRET}:19000:0:99999:7:::\nann:*:19000::::::\n`],
    ['a private key', `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`],
    ['an account', JSON.stringify({ type: 'service', private_key: SECRET, tenants: SECRET })],
    ['a list of texts', `- ${SECRET}\n- 1`],
    ['a number', '4711'],
    ['a configuration', `users:\n  - name: a\n    user: { token: ${SECRET} }\ngarbageCollector: ${SECRET}`],
    ['its own keys', `garbageCollector: { interval: ${SECRET}, dryRun: ${SECRET} }\ntenants: ${SECRET}`],
    ['credentials by URL', `https://user:${SECRET}@example.com: 1\n? "KEY=${SECRET}"\n: 1`],
  ])('quotes nothing of a file that is none: %s', (_, text) => {
    const message = errorOf(text);
    expect(message).not.toContain(SECRET);
    expect(message).not.toContain('4711');
    expect(message).toMatch(/:\d+:\d+/);
  });

  it.each([
    `a: *${SECRET}`,
    `a: !${SECRET} b`,
    `a: !<${SECRET}> b`,
    `a: !x!${SECRET} b`,
    `%${SECRET} a\n---\na: b`,
    `%YAML ${SECRET}\n---\na: b`,
    `a: "\\${SECRET}"`,
    `a: "\\U${SECRET}"`,
    `a: |${SECRET}\n  b`,
    `a: "b" ${SECRET}`,
    `a: 'b' ${SECRET}`,
    `a: [b] ${SECRET}`,
    `a: [b ${SECRET}: [`,
    `a: {${SECRET}`,
    `a: b: ${SECRET}`,
    `a:\n  b\n ${SECRET}: c\n   d: e`,
    `a: @${SECRET}`,
    `a: \`${SECRET}`,
    `a: %${SECRET}`,
    `- a\n${SECRET}`,
    `a: &x &${SECRET} b`,
    `a: !!x !!${SECRET} b`,
    `a: &${SECRET} *b`,
    `${SECRET}: 1\n${SECRET}: 2`,
    `? [${SECRET}]\n: 1`,
    `a: "${SECRET}`,
    `a: '${SECRET}`,
    `a: }${SECRET}`,
    `\t${SECRET}: 1`,
    `a: 1\n\t${SECRET}`,
    `<<: ${SECRET}`,
    `<<: [${SECRET}]`,
    `!!map ${SECRET}`,
    `a: !!int ${SECRET}`,
    `a: !!binary ${SECRET}`,
    `a: !!set [${SECRET}]`,
    `a: !!omap [${SECRET}]`,
    `a: !!timestamp ${SECRET}`,
    `a: 1\n---\n${SECRET}`,
  ])('quotes nothing of a text that is no YAML, or none of this kind: %j', (text) => {
    // A key has to be named, or nobody finds it.
    expect(errorOf(text).replaceAll(/ (<<|hunter2): unknown key/g, '')).not.toContain(SECRET);
  });

  const workload = (key: string) => `
tenants:
  - name: acme
    workloads:
      - name: web
        replicas: 1
        ${key.startsWith('command') ? '' : 'command: [a]'}
        ${key}`;

  it.each([
    `command: --password=${SECRET}`,
    `command: [a, { password: ${SECRET} }, "${SECRET}\\0"]`,
    `command: { args: ${SECRET} }`,
    `env: TOKEN=${SECRET}`,
    `env: [TOKEN=${SECRET}]`,
    `env: { TOKEN: [${SECRET}], "A=${SECRET}": 1, "TOKEN-${SECRET}=": x }`,
    `env: { TOKEN: "${SECRET}\\0" }`,
    `checks: [{ name: a, probe: { type: http, url: "ftp://a:${SECRET}@b/?token=${SECRET}" }, interval: ${SECRET} }]`,
    `checks: [{ name: a, probe: { type: http, port: http, headers: { a: [${SECRET}] } } }]`,
    `checks: [{ name: a, probe: { type: command, command: ${SECRET} } }]`,
    `checks: ${SECRET}`,
    `replicas: "password ${SECRET}: x"`,
    `datacenter: "https://a:${SECRET}@b"`,
    `name: "TOKEN=${SECRET}"`,
    `provider: "TOKEN=${SECRET}"`,
    `labels: { "a=${SECRET}": b }`,
    `metrics: { port: "a=${SECRET}", path: "?token=${SECRET}" }`,
    `workingDirectory: "/x?token=${SECRET}"`,
    `"password=${SECRET}": 1`,
    `secrets: { token: ${SECRET} }`,
  ])('quotes no value that may be a secret: %s', (key) => {
    expect(errorOf(workload(key)).replaceAll('TOKEN-', '')).not.toContain(SECRET);
  });

  it('goes on quoting a word in the place of a number or a name', () => {
    expect(errorOf(workload('driftPolicy: retsart'))).toContain(
      '"retsart" is unknown: did you mean restart?',
    );
    expect(errorOf(workload('rollout: { maxSurge: two }'))).toContain('"two" is not a number');
    expect(errorOf(workload('env: { A-B: x }'))).toContain('"A-B" is no name of an environment variable');
  });
});
