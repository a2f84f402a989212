import { type ApiClient } from '../api-client.js';

/** What the tools ask of an application over HTTP. */
export type Api = Pick<ApiClient, 'get' | 'post'>;
