/**
 * Makes what is published, from the commit that is checked out, into `release/out`: the tarball, what it consists of (an SBOM in
 * CycloneDX) and their checksums. `npm run release:prepare` publishes nothing: it prints the command.
 *
 * The tarball is made twice, each time in a clone of its own with packages of its own, and has to be the same: so who does it
 * again gets the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'release/out');
const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const changed = run(ROOT, 'git', 'status', '--porcelain').trim();
if (changed) end(`These files are not committed, so nobody could make this release again:\n${changed}`);
const version = versionToRelease(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'));

const work = mkdtempSync(join(tmpdir(), 'release-'));
try {
  const [tarball, again] = ['first', 'second'].map((folder) => pack(join(work, folder)));
  if (sha512(tarball) !== sha512(again))
    end(`Two builds of ${version} differ: compare ${tarball} and ${again}`);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const made = {
    [`${name}-${version}.tgz`]: readFileSync(tarball),
    'sbom.cdx.json': sbom(tarball, join(work, `${name}-installed`)),
  };
  for (const [file, content] of Object.entries(made)) writeFileSync(join(OUT, file), content);
  const sums = Object.keys(made).map((file) => `${sha512(join(OUT, file))}  ${file}\n`);
  writeFileSync(join(OUT, 'SHA512SUMS'), sums.join(''));
  console.log(sums.join(''));
  console.log(
    `npm publish release/out/${name}-${version}.tgz --provenance   # in CI, which signs where it was built`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}

/**
 * The changelog says which version comes next, in its newest section, and package.json of the clones is set to it: so the two cannot
 * differ, and no commit is needed whose only change is a number.
 */
function versionToRelease(changelog) {
  const [, ...sections] = changelog.split(/^## /m);
  const unreleased = sections.find((section) => /^unreleased/i.test(section));
  if (unreleased?.match(/^- /m))
    end(
      `CHANGELOG.md has lines under "Unreleased", which no version would have: move them to the section of a version`,
    );
  const newest = sections.map((section) => section.match(/^\d+\.\d+\.\d+[^\s]*/)?.[0]).find(Boolean);
  return newest ?? end('CHANGELOG.md has no section of a version, such as "## 1.0.0"');
}

/** @returns path of the tarball */
function pack(folder) {
  run(ROOT, 'git', 'clone', '--quiet', '--no-hardlinks', ROOT, folder);
  run(folder, 'npm', 'version', version, '--no-git-tag-version', '--allow-same-version');
  run(folder, 'npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
  const [{ filename }] = JSON.parse(
    run(folder, 'npm', 'pack', '--json', '--loglevel=error').replace(/^[^[]*(?=\[\s*\{)/, ''),
  );
  return join(folder, filename);
}

/**
 * Of what npm installs with the package. Of an installation, as npm's own of this clone leaves out what a package for
 * developing needs as well. Without what differs each time: its time, its number, the path of the tarball.
 */
function sbom(tarball, folder) {
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: basename(folder), version, private: true }),
  );
  run(folder, 'npm', 'install', tarball, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error');
  const made = JSON.parse(run(folder, 'npm', 'sbom', '--sbom-format', 'cyclonedx'));
  if (!made.components.some((component) => component.name === name && component.version === version))
    end(`The SBOM of an installation does not list ${name} ${version}`);
  delete made.serialNumber;
  delete made.metadata.timestamp;
  // Where the tarball lay while this ran.
  for (const component of made.components)
    component.externalReferences = component.externalReferences?.filter(
      ({ url }) => !url.startsWith('file:'),
    );
  return `${JSON.stringify(made, null, 2)}\n`;
}

function sha512(path) {
  return createHash('sha512').update(readFileSync(path)).digest('hex');
}

function run(cwd, program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0)
    throw error ?? new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stderr || stdout}`);
  return stdout;
}

function end(message) {
  console.error(message);
  process.exit(1);
}
