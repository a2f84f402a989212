export * from 'pg-boss';
