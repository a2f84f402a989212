import { Inject, Injectable } from '@nestjs/common';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { type GarbagePass, type PassContext, type PassScope } from './garbage-pass.js';
import { eachStore } from './each-store.js';

/**
 * Images that no instance uses, of repositories that instances use; the newest n of each stay. A removed one is pulled again when
 * it is needed. A dry run says nothing of them, as no daemon says what it would remove.
 */
@Injectable()
export class ImagesPass implements GarbagePass {
  readonly name = 'images';
  readonly description = 'Images that no instance has, but the newest of each repository.';
  readonly scope: PassScope = 'replica';

  constructor(
    private readonly registry: ProviderRegistry,
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
  ) {}

  async run(context: PassContext): Promise<void> {
    const { keepImages: keep } = this.settings;
    if (keep === false || context.dryRun) return;
    const { signal, logger, report } = context;
    await eachStore(this.registry, context, async ({ name, provider }) => {
      if (!provider.pruneImages) return;
      const { removed, bytes } = await provider.pruneImages({ keep }, signal);
      report.found += removed.length;
      report.removed += removed.length;
      if (removed.length)
        logger.log(`Removed ${removed.length} images of ${name}, ${bytes} bytes: ${removed.join(', ')}`);
    });
  }
}
