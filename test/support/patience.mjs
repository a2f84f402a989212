import { jest } from '@jest/globals';

// These tests start apps and databases, and wait for what really takes seconds; they do not fail by being slow.
jest.setTimeout(120_000);
