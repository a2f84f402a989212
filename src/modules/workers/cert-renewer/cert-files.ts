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

/** Keeps the files of `fileSink` as the store says: all of them at start, and each when it is issued, renewed or removed. */
@Injectable()
export class CertFiles implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('CertFiles');
  private readonly sink: FileSink | undefined;
  private readonly subscriptions: Unsubscribe[] = [];

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
    this.subscriptions.push(
      this.events.subscribe(['cert.issued', 'cert.renewed'], ({ payload }) =>
        this.write((payload.names as string[])[0]!),
      ),
      this.events.subscribe(['cert.removed'], ({ payload }) => this.remove(payload.certificateId as string)),
    );
    await this.writeAll();
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.subscriptions.splice(0)) unsubscribe();
  }

  /**
   * Writes what is missing, and removes what is left of certificates that are gone: their keys are in clear text. A file
   * that cannot be written keeps no other from being.
   */
  async writeAll(): Promise<void> {
    const left = new Set(await this.sink!.ids());
    for await (const { id, issued, names } of everyItem((after) =>
      this.certificates.listAcrossTenants({ after }),
    )) {
      left.delete(id);
      if (issued) await this.write(names[0]!);
    }
    for (const id of left) await this.remove(id);
  }

  private async remove(id: string): Promise<void> {
    try {
      await this.sink!.remove(id);
    } catch (error) {
      this.logger.error(`The files of ${id} could not be removed: ${(error as Error).message}`);
    }
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
