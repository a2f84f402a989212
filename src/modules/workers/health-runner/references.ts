import { connect } from 'node:net';
import { parseAddress } from '../../health-checks/probes/target.js';

const TIMEOUT = 2_000;
/** An answer holds for so long: many checks fail together. */
const TTL = 1_000;

/** Targets that answer whenever this replica's network works. The operator names them, so no egress policy applies. */
export class References {
  private asked?: { at: number; answer: Promise<boolean> };

  constructor(private readonly addresses: readonly string[]) {}

  /** Whether one of them answers now; false where there is none. */
  answer(): Promise<boolean> {
    if (this.addresses.length === 0) return Promise.resolve(false);
    const now = performance.now();
    if (!this.asked || now - this.asked.at > TTL) this.asked = { at: now, answer: this.ask() };
    return this.asked.answer;
  }

  private async ask(): Promise<boolean> {
    const reached = await Promise.all(this.addresses.map(reaches));
    return reached.includes(true);
  }
}

function reaches(address: string): Promise<boolean> {
  const { host, port } = parseAddress(address)!;
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT });
    const end = (answered: boolean) => (): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
