import { WorksModule } from './faulty.mjs';

/** A dynamic module, and a promise of it, as some modules are. */
export default Promise.resolve({ module: WorksModule });
