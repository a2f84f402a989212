export * from 'croner';
