export const sum = (a: number, b: number): number => a + b;
export const x: string = sum(1, 2);
