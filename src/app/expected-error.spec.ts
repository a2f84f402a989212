import { expect, it } from '@jest/globals';
import { UnusableDirectoryError } from './data-directory/index.js';
import { explain } from './expected-error.js';

it('An error of the start holds nothing that a terminal obeys, whatever a path is called', () => {
  const path = '/tmp/a\u001b[2J\u202eb';
  const error = new UnusableDirectoryError(path, `${path} is not a directory`, 'Set DATA_DIR\nelsewhere');
  const said = explain(error);
  expect(said).not.toMatch(/[\u001b\u202e]/);
  expect(said).toContain('/tmp/a\\u001b[2J\\u202eb is not a directory. Set DATA_DIR\nelsewhere');
  expect(explain(new Error('\u001b[31mred'))).toContain('\\u001b[31mred\n    at ');
});
