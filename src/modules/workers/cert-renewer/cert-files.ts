import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Clock, type Timer } from '../../../core/timing/clock.js';
import { type Certificate } from '../../certificates/certificate.js';
import { CertificateStore } from '../../certificates/certificate.store.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { FileSink } from '../../certificates/serving/file-sink.js';
import { everyItem } from '../../database/page.js';
import { type CertificateId } from '../../ids/typed-id.js';
import { EventBus, type Unsubscribe } from '../../events/event-bus.js';
import { CERT_RENEWER_SETTINGS, type CertRenewerSettings } from './cert-renewer.options.js';

/** How long until what could not be written is tried again, in milliseconds. */
const RETRY = 60_000;

type Wanted = Pick<Certificate, 'tenantId' | 'id'>;

/**
 * Keeps the files of `fileSink` as the store says: all of them at start, and each when it is issued, renewed or removed.
 * What could not be written, as on a full disk, is tried again every minute.
 */
@Injectable()
export class CertFiles implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('CertFiles');
  private readonly sink: FileSink | undefined;
  private readonly subscriptions: Unsubscribe[] = [];
  private readonly failed = new Map<CertificateId, Wanted>();
  private timer?: Timer;

  constructor(
    @Inject(CERT_RENEWER_SETTINGS) { fileSink }: CertRenewerSettings,
    private readonly certificates: CertificateStore,
    private readonly events: EventBus,
    keyRing: KeyRing,
    private readonly clock: Clock,
  ) {
    this.sink = fileSink === undefined ? undefined : new FileSink(fileSink, keyRing);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.sink) return;
    this.subscriptions.push(
      this.events.subscribe(['cert.issued', 'cert.renewed', 'cert.removed'], ({ tenantId, payload }) =>
        this.follow({ tenantId: tenantId!, id: payload.certificateId as CertificateId }),
      ),
    );
    await this.writeAll();
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.subscriptions.splice(0)) unsubscribe();
    this.failed.clear();
    this.timer?.cancel();
  }

  /**
   * Writes what is missing, and removes what is left of certificates that are gone: their keys are in clear text. A file
   * that cannot be written keeps no other from being.
   */
  async writeAll(): Promise<void> {
    const left = new Set(await this.sink!.ids());
    for await (const { tenantId, id, issued } of everyItem((after) =>
      this.certificates.listAcrossTenants({ after }),
    )) {
      left.delete(id);
      if (issued) await this.follow({ tenantId, id });
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

  /** Makes the files of one certificate what the store says of it. */
  private async follow(wanted: Wanted): Promise<void> {
    const { tenantId, id } = wanted;
    try {
      const newest = await this.certificates.newest(tenantId, id);
      if (newest) await this.sink!.write(newest);
      else await this.sink!.remove(id);
      this.failed.delete(id);
    } catch (error) {
      this.logger.error(`The files of ${id} could not be written: ${(error as Error).message}`);
      if (this.subscriptions.length === 0) return;
      this.failed.set(id, wanted);
      this.timer ??= this.clock.setTimer(() => void this.retry(), RETRY);
    }
  }

  private async retry(): Promise<void> {
    this.timer = undefined;
    for (const wanted of [...this.failed.values()]) await this.follow(wanted);
  }
}
