import { describe, expect, it } from '@jest/globals';
import { InvalidCronError, parseCron } from './cron-expression.js';

describe('parseCron', () => {
  it('reads five fields, the second being 0, and six', () => {
    expect(parseCron('*/20 8-10 1,15 * *')).toMatchObject({
      seconds: [0],
      minutes: [0, 20, 40],
      hours: [8, 9, 10],
      daysOfMonth: [1, 15],
    });
    expect(parseCron('15,45 0 0 1 1 *')).toMatchObject({ seconds: [15, 45], minutes: [0], months: [1] });
  });

  it('reads names of months and days, 7 as Sunday, a step without an end, and space around', () => {
    expect(parseCron('  0 0 25/2 jan,DEC Mon-Fri ')).toMatchObject({
      daysOfMonth: [25, 27, 29, 31],
      months: [1, 12],
      daysOfWeek: [1, 2, 3, 4, 5],
    });
    expect(parseCron('0 0 * * 6-7')).toMatchObject({ daysOfWeek: [0, 6] });
  });

  it('tells all values of a field but one from all values', () => {
    expect(parseCron('0-58 * * * * *').seconds).toHaveLength(59);
    expect(parseCron('0 0-22 * * *').hours).toHaveLength(23);
    expect(parseCron('* * * * * *').seconds).toHaveLength(60);
  });

  it.each(['@yearly', '@monthly', '@weekly', '@weekdays', '@weekends', '@daily', '@hourly', '@minutely'])(
    'reads %s',
    (nickname) => {
      expect(parseCron(nickname)).toMatchObject({ seconds: [0] });
    },
  );

  it('takes 29 February, and a day that no named month has beside a day of the week that comes', () => {
    expect(() => parseCron('0 0 29 2 *')).not.toThrow();
    expect(() => parseCron('0 0 31 2 mon')).not.toThrow();
  });

  it.each(['0 0 31 2 *', '0 0 30 2 *', '0 0 31 apr,jun,sep,nov *'])(
    'refuses %p, as it never comes',
    (cron) => {
      expect(() => parseCron(cron)).toThrow(InvalidCronError);
      expect(() => parseCron(cron)).toThrow(`'${cron}' never comes: no month that it names has a day 3`);
    },
  );

  it.each([
    ['60 * * * *', '(Field value (60) is out of range)'],
    ['0 0 0 * *', '(Field value (0) is out of range)'],
    ['* * * *', '(Too few fields)'],
    ['', '(Too few fields)'],
    ['1 2 3 4 5 6 7', '(Too many fields)'],
    ['*/0 * * * *', '(Field (minute) has a step of zero)'],
    ['0 17-9 * * *', '(Field (hour) has an invalid range)'],
    ['0 0 ? * *', '(Field (dayOfMonth) cannot be parsed)'],
    ['0 0 L * *', '(Unknown alias: l)'],
    ['@reboot', '(Unknown alias: reb)'],
  ])('refuses %p, says why, and what to give instead', (cron, reason) => {
    expect(() => parseCron(cron)).toThrow(InvalidCronError);
    expect(() => parseCron(cron)).toThrow(
      `'${cron}' is not a cron expression ${reason}: give five fields ('30 3 * * *'), six with the second first`,
    );
  });

  it.each([undefined, null, 5, {}, ['* * * * *'], new Date()])('refuses %p, which is no text', (cron) => {
    expect(() => parseCron(cron as unknown as string)).toThrow(InvalidCronError);
  });
});
