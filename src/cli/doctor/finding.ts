/** `fault`: something does not work. `warn`: somebody should look at it. `note`: it was not looked at, or is only said. */
export type FindingState = 'ok' | 'note' | 'warn' | 'fault';

export interface Finding {
  about: string;
  state: FindingState;
  detail: string;
}

const ORDER: readonly FindingState[] = ['ok', 'note', 'warn', 'fault'];

export function worst(findings: readonly Finding[]): FindingState {
  return ORDER[Math.max(0, ...findings.map(({ state }) => ORDER.indexOf(state)))]!;
}

/** Up to five names, and how many more there are. */
export function some(names: readonly string[]): string {
  const rest = names.length - 5;
  return `${names.slice(0, 5).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
