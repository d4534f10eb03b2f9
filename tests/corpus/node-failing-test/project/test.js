const test = require('node:test');
const assert = require('node:assert');

test('sum of two', () => assert.equal(1 + 1, 3));
