const test = require('node:test');
const assert = require('node:assert');
const sum = require('./sum.js');

test('sum', () => assert.equal(sum(1, 2), 3));
