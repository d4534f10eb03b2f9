describe('sums', () => test('two', () => expect(1 + 1).toBe(3)));
