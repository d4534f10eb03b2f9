describe('a', () => it('b', () => {}));
