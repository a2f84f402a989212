export * from 'toad-scheduler';
