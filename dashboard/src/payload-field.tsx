import { InputError } from './input-error.js';

/** What a run is given. */
export function PayloadField() {
  return (
    <label class="field">
      Payload: JSON, or nothing
      <textarea name="payload" rows={3} spellcheck={false} autocomplete="off" />
    </label>
  );
}

/** Undefined when the field is empty. @throws InputError */
export function payloadIn(fields: FormData): unknown {
  const text = String(fields.get('payload') ?? '').trim();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`The payload is no JSON: ${(error as Error).message}`);
  }
}
