export * from 'bullmq';
