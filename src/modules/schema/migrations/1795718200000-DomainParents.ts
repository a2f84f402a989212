import { type MigrationInterface, type QueryRunner } from 'typeorm';

/** Which proven domains are right below a name, as those that a wildcard covers: else each question reads all of them. */
export class DomainParents1795718200000 implements MigrationInterface {
  readonly name = 'DomainParents1795718200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE INDEX domains_verified_parent_idx ON domains ((substring(hostname FROM position('.' IN hostname))))
      WHERE verified_at IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX domains_verified_parent_idx');
  }
}
