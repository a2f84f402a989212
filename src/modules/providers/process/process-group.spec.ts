import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endProcesses } from './process-group.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from './process-identity.js';
import { pollUntil } from '../waiting.js';

const MARK = 'CTRLPLANE_INSTANCE=inst_01h455vb4pex5vsknk084sn02q';

describe('endProcesses', () => {
  let groups: ProcessIdentity[];
  let members: ProcessIdentity[];

  beforeEach(() => {
    groups = [];
    members = [];
  });

  afterEach(() => {
    for (const { pid } of [...members, ...groups].filter(isAlive)) process.kill(pid, 'SIGKILL');
  });

  /** Starts a shell script as the leader of a group; resolves when it has printed the pids of n members. */
  async function group(script: string, printed: number, mark = MARK): Promise<ProcessIdentity> {
    const [name, value] = mark.split('=') as [string, string];
    const env = { PATH: process.env.PATH, [name]: value };
    const child = spawn('/bin/sh', ['-c', `read go; ${script}`], { detached: true, env });
    const identity = readProcessIdentity(child.pid!)!;
    groups.push(identity);
    child.stdin.end('go\n'); // only now: it might be gone before anybody knows who it was
    const lines = createInterface(child.stdout);
    const pids: number[] = [];
    lines.on('line', (line) => pids.push(Number(line)));
    await pollUntil(() => pids.length === printed, 5_000);
    members = pids.map((pid) => readProcessIdentity(pid)!);
    expect(members.filter(isAlive)).toHaveLength(printed);
    return identity;
  }

  const end = (leader: ProcessIdentity | undefined, grace: number, signal?: AbortSignal) =>
    endProcesses(leader, { grace, mark: MARK, signal });

  it('ends the leader, its children and its grandchildren', async () => {
    const leader = await group('(sleep 3600 & echo $!; wait) & echo $!; wait', 2);
    expect(await end(leader, 5_000)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });

  it('kills the one member that ignores SIGTERM, though the leader has gone at once', async () => {
    const leader = await group(
      '(trap "" TERM; echo $(exec sh -c "echo \\$PPID"); while :; do sleep 0.05; done) & wait',
      1,
    );
    const start = performance.now();
    expect(await end(leader, 200)).toBe('ended');
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });

  it('ends one that was stopped by a signal', async () => {
    const leader = await group('sleep 3600 & echo $!; wait', 1);
    process.kill(-leader.pid, 'SIGSTOP');
    expect(await end(leader, 50)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });

  it('ends the orphans of a leader that is gone, since they carry the mark', async () => {
    const leader = await group('sleep 3600 & echo $!', 1);
    await pollUntil(() => !isAlive(leader), 5_000);
    expect(await end(leader, 5_000)).toBe('ended');
    expect(members.filter(isAlive)).toEqual([]);
  });

  it('leaves alone the orphans of another, whose group has the number now', async () => {
    const leader = await group('sleep 3600 & echo $!', 1, 'CTRLPLANE_INSTANCE=inst_of_another');
    await pollUntil(() => !isAlive(leader), 5_000);
    expect(await end(leader, 5_000)).toBe('nothing');
    expect(members.filter(isAlive)).toHaveLength(1);
  });

  it('leaves alone a process that has got the pid, and the group that it leads', async () => {
    const leader = await group('sleep 3600 & echo $!; wait', 1, 'CTRLPLANE_INSTANCE=inst_of_another');
    expect(await end({ ...leader, startTime: 'of another' }, 5_000)).toBe('nothing');
    expect([leader, ...members].filter(isAlive)).toHaveLength(2);
  });

  it('ends a daemon that has left both group and session, by its mark', async () => {
    const leader = await group('setsid sh -c "echo \\$\\$; exec sleep 3600" & wait', 1);
    expect(await end(leader, 5_000)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });

  it('ends one that has cleared its environment and left the group, by its session', async () => {
    const leader = await group('env -i /bin/bash -mc "sleep 3600 & echo \\$!; wait" & wait', 1);
    expect(await end(leader, 5_000)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });

  it('finds what is left by the mark when nothing tells who the leader was', async () => {
    const leader = await group('sleep 3600 & echo $!; wait', 1);
    expect(await end(undefined, 5_000)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
    expect(await end(undefined, 5_000)).toBe('nothing');
  });

  it('does not wait for a zombie, which stays in the group for as long as its parent takes no notice', async () => {
    const parent = spawn(process.execPath, ['-e', NEGLIGENT_PARENT], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const leader = readProcessIdentity(Number(line))!;
      expect(await end(leader, 5_000)).toBe('ended');
      expect(isAlive(leader)).toBe(false);
      expect(process.kill(-leader.pid, 0)).toBe(true);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('is done when there is nothing to end', async () => {
    const child = spawn('cat');
    const identity = readProcessIdentity(child.pid!)!;
    child.stdin.end();
    await once(child, 'exit');
    expect(await end(identity, 5_000)).toBe('nothing');
  });

  it('gives up waiting when the signal aborts', async () => {
    const leader = await group('trap "" TERM; sleep 3600 & echo $!; wait', 1);
    const controller = new AbortController();
    const ending = end(leader, 60_000, controller.signal);
    const reason = new Error('shutting down');
    controller.abort(reason);
    await expect(ending).rejects.toBe(reason);
    expect(isAlive(leader)).toBe(true);
    expect(await end(leader, 0)).toBe('ended');
    expect([leader, ...members].filter(isAlive)).toEqual([]);
  });
});

/** Starts a group of one, tells its pid, and from then on never returns to the loop that would reap it. */
const NEGLIGENT_PARENT = `
  const child = require('child_process').spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' });
  require('fs').writeSync(1, child.pid + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
`;
