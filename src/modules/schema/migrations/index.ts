import { ControlPlane1795422531517 } from './1795422531517-ControlPlane.js';
import { GarbageCollector1795424400000 } from './1795424400000-GarbageCollector.js';
import { GarbageCollectorBrakes1795641935950 } from './1795641935950-GarbageCollectorBrakes.js';
import { DesiredInstances1795642746278 } from './1795642746278-DesiredInstances.js';
import { Certificates1795643442794 } from './1795643442794-Certificates.js';
import { Telemetry1795643687040 } from './1795643687040-Telemetry.js';
import { Reconciler1795644144775 } from './1795644144775-Reconciler.js';
import { HealthChecks1795644663986 } from './1795644663986-HealthChecks.js';
import { BootstrapServices1795645655582 } from './1795645655582-BootstrapServices.js';
import { HealthRunners1795653710489 } from './1795653710489-HealthRunners.js';
import { TelemetryAccounts1795654288598 } from './1795654288598-TelemetryAccounts.js';
import { EventPartitions1795655375067 } from './1795655375067-EventPartitions.js';
import { RecordedDeletions1795664964465 } from './1795664964465-RecordedDeletions.js';
import { TroubleIndexes1795692000000 } from './1795692000000-TroubleIndexes.js';
import { GarbagePasses1795704852630 } from './1795704852630-GarbagePasses.js';
import { Schedules1795705112811 } from './1795705112811-Schedules.js';
import { ScheduleTroubles1795720579150 } from './1795720579150-ScheduleTroubles.js';
import { ScheduleCancellations1795733400000 } from './1795733400000-ScheduleCancellations.js';
import { PassBrakes1795718100000 } from './1795718100000-PassBrakes.js';
import { DomainParents1795718200000 } from './1795718200000-DomainParents.js';

/**
 * Every migration, oldest first. A list and not a glob, so that the source, the build and the tests run the
 * same ones: `npm run migration:generate -- Name` writes a class, which is then added here.
 */
export const MIGRATIONS = [
  ControlPlane1795422531517,
  GarbageCollector1795424400000,
  GarbageCollectorBrakes1795641935950,
  DesiredInstances1795642746278,
  Certificates1795643442794,
  Telemetry1795643687040,
  Reconciler1795644144775,
  HealthChecks1795644663986,
  BootstrapServices1795645655582,
  HealthRunners1795653710489,
  TelemetryAccounts1795654288598,
  EventPartitions1795655375067,
  RecordedDeletions1795664964465,
  TroubleIndexes1795692000000,
  GarbagePasses1795704852630,
  Schedules1795705112811,
  PassBrakes1795718100000,
  DomainParents1795718200000,
  ScheduleTroubles1795720579150,
  ScheduleCancellations1795733400000,
];

/** Those of `SchedulesModule`, which no other table depends on. */
export const SCHEDULES_MIGRATIONS = [
  Schedules1795705112811,
  ScheduleTroubles1795720579150,
  ScheduleCancellations1795733400000,
];

/** Where TypeORM notes what it applied. Not its default `migrations`, which a host's own may be using. */
export const MIGRATIONS_TABLE = 'ctrlplane_migrations';
