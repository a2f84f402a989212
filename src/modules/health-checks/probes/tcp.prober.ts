import { dial } from '../../network-policy/dial.js';
import { type ProbeResult, type TcpProbe } from '../health-check.js';
import { ProbeFailure, type ProbeContext, type Prober } from './prober.js';
import { targetOf } from './target.js';

/** A target that talks without end is not listened to for ever. */
const MOST_BYTES = 64 * 1024;

/** Connects, sends a text if there is one, and waits for another if there is one. */
export class TcpProber implements Prober<TcpProbe> {
  async probe(probe: TcpProbe, context: ProbeContext): Promise<ProbeResult> {
    const { signal, policy, resolve, phases } = context;
    phases.lookingUp = true;
    const { host, port } = targetOf(probe, context);
    const { socket, reset } = await dial({ host, port, policy, resolve, signal, onStep: phases.step });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort);
    try {
      if (probe.send !== undefined) socket.write(probe.send);
      if (probe.expect === undefined) return { outcome: 'success', message: 'Connected' };
      const expected = Buffer.from(probe.expect);
      let heard = Buffer.alloc(0);
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        if (heard.length === 0) phases.end('firstByte');
        heard = Buffer.concat([heard, chunk]);
        if (heard.includes(expected)) return { outcome: 'success', message: 'Answered as expected' };
        if (heard.length > MOST_BYTES) break;
      }
      throw new ProbeFailure(
        heard.length > MOST_BYTES
          ? `The expected text is not in the first ${MOST_BYTES} bytes of the answer`
          : `Closed the connection after ${heard.length} bytes, without the expected text`,
      );
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      reset();
    }
  }
}
