import { useState } from 'preact/hooks';
import { ask } from './api.js';
import { visible, wholeDuration } from './format.js';

/** How a worker was defined, its defaults included; asked for when it is opened. */
export function Definition({ path }: { path: string }) {
  const [parts, setParts] = useState<[name: string, value: unknown][]>();
  const [fault, setFault] = useState<string>();
  const read = async (): Promise<void> => {
    try {
      const { definition } = await ask<{ definition: Record<string, unknown> }>(path);
      setParts(Object.entries(definition));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && void read()}>
      <summary>Definition</summary>
      {fault}
      {parts && (
        <dl class="facts">
          {parts.map(([name, value]) => (
            <div key={name}>
              <dt>{name.replace(/_ms$/, '').replaceAll('_', ' ')}</dt>
              <dd>{shown(name, value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}

function shown(name: string, value: unknown): string {
  if (typeof value === 'number' && /_ms$/.test(name)) return wholeDuration(value);
  if (Array.isArray(value)) return value.map(String).join(', ') || '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return visible(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
