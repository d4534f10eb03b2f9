import { x } from './x.js';
test('sum', () => expect(x).toBe(1));
