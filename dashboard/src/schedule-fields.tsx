import { useState } from 'preact/hooks';

const KINDS = { interval: 'every', cron: 'by a cron expression', at: 'once' };

type Kind = keyof typeof KINDS;

/** When a worker runs. */
export function ScheduleFields() {
  const [kind, setKind] = useState<Kind>('interval');
  return (
    <div class="fields">
      <label class="field">
        It runs
        <select
          name="kind"
          autofocus
          value={kind}
          onChange={({ currentTarget }) => setKind(currentTarget.value as Kind)}
        >
          {Object.entries(KINDS).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {kind === 'interval' && (
        <label key="interval" class="field">
          Interval, such as 30s, 5m or 1h
          <input name="interval" required autocomplete="off" />
        </label>
      )}
      {kind === 'cron' && (
        <>
          <label key="cron" class="field">
            Cron expression, such as 0 3 * * *
            <input name="cron" required autocomplete="off" spellcheck={false} />
          </label>
          <label key="time_zone" class="field">
            Time zone
            <input
              name="time_zone"
              autocomplete="off"
              spellcheck={false}
              defaultValue={Intl.DateTimeFormat().resolvedOptions().timeZone}
            />
          </label>
        </>
      )}
      {kind === 'at' && (
        <label key="at" class="field">
          At this time of your time zone
          <input name="at" type="datetime-local" required />
        </label>
      )}
    </div>
  );
}

/** The schedule as the API takes it. */
export function scheduleIn(fields: FormData): Record<string, string> {
  const given = (name: string): string => String(fields.get(name) ?? '').trim();
  switch (given('kind') as Kind) {
    case 'interval':
      return { interval: given('interval') };
    case 'cron':
      return { cron: given('cron'), ...(given('time_zone') && { time_zone: given('time_zone') }) };
    case 'at':
      return { at: new Date(given('at')).toISOString() };
  }
}
