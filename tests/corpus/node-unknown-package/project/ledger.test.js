const test = require('node:test');
const assert = require('node:assert');
const { open } = require('our-internal-ledger-client');

test('a new ledger is empty', () => assert.deepEqual(open().entries, []));
