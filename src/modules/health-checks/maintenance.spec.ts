import { describe, expect, it } from '@jest/globals';
import { newId } from '../ids/typed-id.js';
import { concerns, isOn, isOver } from './maintenance.js';

describe('a maintenance window', () => {
  const at = (time: string) => new Date(`2030-03-31T${time}Z`).getTime();

  it('is active from its begin to just before its end', () => {
    const window = {
      times: { kind: 'once', from: new Date(at('10:00:00')), until: new Date(at('11:00:00')) },
    } as const;
    const instants = ['09:59:59', '10:00:00', '10:59:59', '11:00:00'];
    expect(instants.map((time) => isOn(window, at(time)))).toEqual([false, true, true, false]);
    expect(instants.map((time) => isOver(window, at(time)))).toEqual([false, false, false, true]);
  });

  it('comes again by the clock on the wall of its time zone, also when that is set forward', () => {
    // Berlin goes from 02:00 to 03:00 at 01:00Z that night: 04:30 there is 02:30Z, the day before 03:30Z.
    const window = {
      times: { kind: 'recurring', cron: '30 4 * * *', timeZone: 'Europe/Berlin', duration: 1_800_000 },
    } as const;
    expect(['02:29:59', '02:30:00', '02:59:59', '03:00:00'].map((time) => isOn(window, at(time)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isOn(window, new Date('2030-03-30T03:30:00Z').getTime())).toBe(true);
    expect(isOver(window, at('23:00:00'))).toBe(false);
  });

  it('is about one check, all of an instance, or all of the tenant', () => {
    const [tenantId, instanceId, id] = [newId('tenant'), newId('instance'), newId('healthCheck')];
    const check = { id, tenantId, instanceId };
    expect(concerns({ tenantId }, check)).toBe(true);
    expect(concerns({ tenantId, instanceId }, check)).toBe(true);
    expect(concerns({ tenantId, checkId: id }, check)).toBe(true);
    expect(concerns({ tenantId: newId('tenant') }, check)).toBe(false);
    expect(concerns({ tenantId, instanceId: newId('instance') }, check)).toBe(false);
    expect(concerns({ tenantId, checkId: newId('healthCheck') }, check)).toBe(false);
  });
});
