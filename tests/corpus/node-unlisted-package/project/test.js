const test = require('node:test');
const assert = require('node:assert');
const ms = require('./index.js');

test('ms', () => assert.equal(ms('1s'), 1000));
