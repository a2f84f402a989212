export { default } from 'node-cron';
