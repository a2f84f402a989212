export * from 'agenda';
export { PostgresBackend } from '@agendajs/postgres-backend';
