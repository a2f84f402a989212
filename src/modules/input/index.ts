export { InvalidInputError } from './input.errors.js';
