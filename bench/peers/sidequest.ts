export * from 'sidequest';
