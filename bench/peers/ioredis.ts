export * from 'ioredis';
