import { describe, expect, it } from '@jest/globals';
import { type ProviderInstance } from '../providers/provider.js';
import { compare, type ComparedInstance } from './instance-drift.js';

const ROW: ComparedInstance = {
  state: 'running',
  desiredState: 'running',
  specHash: 'a',
  restartRequested: false,
  unsettled: false,
};
const RUNNING = { state: 'running', specHash: 'a' } as const;

describe('compare', () => {
  it.each<[string, Partial<ComparedInstance>, Partial<ProviderInstance> | undefined, string | undefined]>([
    ['runs as it should', {}, {}, undefined],
    ['runs, and nobody can say from what', {}, { specHash: undefined }, undefined],
    ['is not there any more', {}, undefined, 'missing: provision'],
    ['has not been made yet', { state: 'provisioning' }, undefined, 'missing: provision'],
    ['has ended', {}, { state: 'exited' }, 'exited: start'],
    ['has ended, and is to run something else', {}, { state: 'exited', specHash: 'b' }, 'exited: deploy'],
    ['was stopped by somebody else', {}, { state: 'stopped' }, 'stopped: start'],
    ['is to be started', { state: 'stopped' }, { state: 'stopped' }, 'stopped: start'],
    ['runs something else', {}, { specHash: 'b' }, 'spec: deploy'],
    ['is to be restarted', { restartRequested: true }, {}, 'restart: restart'],
    ['runs, and the row does not know', { state: 'failed' }, {}, 'state: note'],
    ['runs, with failures that are counted', { unsettled: true }, {}, 'state: note'],
    ['is to be stopped', { desiredState: 'stopped' }, {}, 'running: stop'],
    ['was started by somebody else', { state: 'stopped', desiredState: 'stopped' }, {}, 'running: stop'],
    [
      'has stopped, and the row does not know',
      { desiredState: 'stopped' },
      { state: 'exited' },
      'state: note',
    ],
    ['is stopped', { state: 'stopped', desiredState: 'stopped' }, { state: 'stopped' }, undefined],
    ['is stopped and gone', { state: 'stopped', desiredState: 'stopped' }, undefined, undefined],
    ['is on its way out', { state: 'destroying' }, {}, 'deletion: remove'],
    ['is on its way out and gone', { state: 'destroying' }, undefined, 'deletion: remove'],
    ['cannot be told of', {}, { state: 'unknown' }, undefined],
    ['cannot be told of, and is to stop', { desiredState: 'stopped' }, { state: 'unknown' }, undefined],
  ])('%s', (_what, row, observed, expected) => {
    const finding = compare({ ...ROW, ...row }, observed && { ...RUNNING, ...observed });
    expect(finding && `${finding.drift}: ${finding.repair}`).toBe(expected);
  });
});
