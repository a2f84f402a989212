import acme from 'acme-client';
import pLimit from 'p-limit';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemoryHttpChallengeStore } from '../dist/modules/certificates/challenges/in-memory-http-challenge.store.js';
import { AcmeIssuer } from '../dist/modules/certificates/issuers/acme/acme.issuer.js';
import { InMemoryIssuerStateStore } from '../dist/modules/certificates/issuers/in-memory-issuer-state.store.js';
import { KeyRing } from '../dist/modules/certificates/keys/key-ring.js';
import { checkIssued } from '../dist/modules/certificates/x509/check-issued.js';
import { createKeyAndRequest } from '../dist/modules/certificates/x509/key-pair.js';
import { DnsLookup } from '../dist/modules/dns/dns-lookup.js';
import { startChallengeServer } from '../test/support/challenge-server.js';
import { freePort } from '../test/support/free-port.js';
import { type Pebble, startPebble } from '../test/support/pebble.js';
import { atLeast, type Bench, type BenchResult } from './harness/bench.js';
import { inTurn, ratio, timed } from './harness/rounds.js';

const CERTIFICATES = 300;
const AT_A_TIME = 20;
/** lego and certbot are a process for each certificate; a few are enough to see. */
const BY_TOOL = 5;

/** Issuing from a real ACME server, beside a bare loop over the same library, and what people run by hand. */
export const certs: Bench = {
  name: 'certs',
  summary: `${CERTIFICATES} certificates from Pebble, ${AT_A_TIME} at a time, beside a bare acme-client loop`,
  run: async (say) => {
    const directory = await mkdtemp(join(tmpdir(), 'certs-bench-'));
    const http = new InMemoryHttpChallengeStore();
    const challenges = await startChallengeServer(http);
    let pebble: Pebble | undefined;
    try {
      pebble = await startPebble({ directory, httpPort: challenges.port });
      const subjects = { ours: ours(pebble, http), bare: await bare(pebble, http) };
      const took = await inTurn({ count: 3, warmUp: 1 }, subjects, say);
      await pebble.stop();
      const tools = await byTools(directory, say);
      return result(took, tools);
    } finally {
      await pebble?.stop();
      await challenges.stop();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

let number = 0;
const hostName = () => `host-${++number}.bench.test`;

function manyTimes(issue: () => Promise<void>): () => Promise<number> {
  const limit = pLimit(AT_A_TIME);
  return () => timed(() => Promise.all(Array.from({ length: CERTIFICATES }, () => limit(issue))));
}

/** As the renewer does it: a key of its own, the order, every check, and the key sealed. */
function ours(pebble: Pebble, http: InMemoryHttpChallengeStore): () => Promise<number> {
  const keyRing = KeyRing.parse(KeyRing.generate('bench'));
  const { directoryUrl, trust, dnsServer } = pebble;
  const issuer = new AcmeIssuer(
    { directoryUrl, trust, termsOfServiceAgreed: true },
    { states: new InMemoryIssuerStateStore(), keyRing, http, dns: new DnsLookup({ servers: [dnsServer] }) },
  );
  return manyTimes(async () => {
    const names = [hostName()];
    const { csr, privateKey } = await createKeyAndRequest(names, 'ec-p256');
    const { chain } = await issuer.issue({ names, csr, signal: AbortSignal.timeout(120_000) });
    checkIssued(chain, { names, privateKey, now: Date.now(), clockSkew: 60_000 });
    keyRing.seal(privateKey, names[0]!);
  });
}

async function bare(pebble: Pebble, http: InMemoryHttpChallengeStore): Promise<() => Promise<number>> {
  acme.axios.defaults.httpsAgent = new Agent({ ca: pebble.trust, keepAlive: true, maxSockets: 32 });
  const client = new acme.Client({
    directoryUrl: pebble.directoryUrl,
    accountKey: await acme.crypto.createPrivateEcdsaKey(),
    // Its default of five seconds would make a seventh of it.
    backoffMin: 100,
    backoffMax: 5_000,
  });
  await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:bench@bench.test'] });
  return manyTimes(async () => {
    const key = await acme.crypto.createPrivateEcdsaKey();
    const [, csr] = await acme.crypto.createCsr({ altNames: [hostName()] }, key);
    await client.auto({
      csr,
      skipChallengeVerification: true,
      challengePriority: ['http-01'],
      challengeCreateFn: (_, challenge, answer) => http.put(challenge.token, answer),
      challengeRemoveFn: (_, challenge) => http.remove(challenge.token),
    });
  });
}

/** Milliseconds that each took for one certificate, a process each. */
async function byTools(directory: string, say: (line: string) => void): Promise<Record<string, number[]>> {
  const httpPort = await freePort();
  const pebble = await startPebble({ directory, httpPort });
  const root = join(directory, 'root.pem');
  await writeFile(root, pebble.trust);
  const own = join(directory, 'tools');
  const tools: Record<string, { args: string[]; env: Record<string, string> }> = {
    lego: {
      args: [
        ...['--server', pebble.directoryUrl, '--accept-tos', '--email', 'bench@bench.test', '--path', own],
        ...['--http', '--http.port', `127.0.0.1:${httpPort}`, '--key-type', 'ec256'],
      ],
      env: { LEGO_CA_CERTIFICATES: root },
    },
    certbot: {
      args: [
        ...['certonly', '--standalone', '-n', '--agree-tos', '-m', 'bench@bench.test', '--key-type', 'ecdsa'],
        ...['--server', pebble.directoryUrl, '--http-01-port', String(httpPort)],
        ...['--config-dir', own, '--work-dir', own, '--logs-dir', own],
      ],
      env: { REQUESTS_CA_BUNDLE: root },
    },
  };
  const took: Record<string, number[]> = {};
  try {
    for (const [name, { args, env }] of Object.entries(tools)) {
      took[name] = [];
      for (let n = 0; n < BY_TOOL; n++) {
        const last = name === 'lego' ? ['--domains', hostName(), 'run'] : ['-d', hostName()];
        took[name].push(await timed(() => run(name, [...args, ...last], env)));
        say(`${name} ${n + 1} of ${BY_TOOL}`);
      }
    }
    return took;
  } finally {
    await pebble.stop();
  }
}

async function run(program: string, args: string[], env: Record<string, string>): Promise<void> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with code ${code}: ${output.slice(-500)}`);
}

function result(took: { ours: number[]; bare: number[] }, tools: Record<string, number[]>): BenchResult {
  return {
    ratios: { 'ours / bare acme-client, certificates per second': atLeast(0.8, ratio(took.bare, took.ours)) },
    measured: {
      [`ours, ${CERTIFICATES} certificates`]: { unit: 'ms', samples: took.ours },
      [`bare acme-client, ${CERTIFICATES} certificates`]: { unit: 'ms', samples: took.bare },
      'lego, one certificate': { unit: 'ms', samples: tools.lego! },
      'certbot, one certificate': { unit: 'ms', samples: tools.certbot! },
    },
    notes: [
      'ECDSA P-256 keys, HTTP-01, 5% of nonces rejected, no authorization reused; Pebble on the same machine.',
      'Ours is a key, the order, every check of what was issued, and the key sealed; without the database.',
      'acme-client waits 100 ms at first instead of its default of 5 s, as ours does.',
      'lego and certbot are a process for each certificate, one after another; no claim is made beside them.',
    ],
  };
}
