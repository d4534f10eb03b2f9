const sum = require('./sum');
test('sum', () => expect(sum()).toBeTruthy());
