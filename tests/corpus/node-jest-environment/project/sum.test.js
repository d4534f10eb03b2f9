test('sum', () => expect(document.body).toBeTruthy());
