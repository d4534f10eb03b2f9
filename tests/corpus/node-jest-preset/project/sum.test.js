test('sum', () => expect(1).toBe(1));
