import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CertificateStore } from '../../certificates/certificate.store.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { FileSink } from '../../certificates/serving/file-sink.js';
import { everyItem } from '../../database/page.js';
import { EventBus, type Unsubscribe } from '../../events/event-bus.js';
import { CERT_RENEWER_SETTINGS, type CertRenewerSettings } from './cert-renewer.options.js';

/** Keeps the files of `fileSink` as the store says: all of them at start, and each when it is issued or renewed. */
@Injectable()
export class CertFiles implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('CertFiles');
  private readonly sink: FileSink | undefined;
  private unsubscribe: Unsubscribe | undefined;

  constructor(
    @Inject(CERT_RENEWER_SETTINGS) { fileSink }: CertRenewerSettings,
    private readonly certificates: CertificateStore,
    private readonly events: EventBus,
    keyRing: KeyRing,
  ) {
    this.sink = fileSink === undefined ? undefined : new FileSink(fileSink, keyRing);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.sink) return;
    this.unsubscribe = this.events.subscribe(['cert.issued', 'cert.renewed'], ({ payload }) =>
      this.write((payload.names as string[])[0]!),
    );
    await this.writeAll();
  }

  onModuleDestroy(): void {
    this.unsubscribe?.();
  }

  /** Writes what is missing. A file that cannot be written keeps no other from being. */
  async writeAll(): Promise<void> {
    for await (const certificate of everyItem((after) => this.certificates.listAcrossTenants({ after })))
      if (certificate.issued) await this.write(certificate.names[0]!);
  }

  private async write(name: string): Promise<void> {
    try {
      const active = await this.certificates.active(name);
      if (active) await this.sink!.write(active);
    } catch (error) {
      this.logger.error(`The certificate of ${name} could not be written: ${(error as Error).message}`);
    }
  }
}
