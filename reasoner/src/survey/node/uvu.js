const fs = require('fs');
const [path, code] = process.argv.slice(1);
const text = fs.readFileSync(path, 'utf8').replace(/\x1b\[[0-9;]*m/g, '');
const number = (name) => {
  const found = text.match(new RegExp(`^\\s*${name}:\\s+(\\d+)\\s*$`, 'm'));
  return found ? Number(found[1]) : NaN;
};
const [total, passed, skipped] = [number('Total'), number('Passed'), number('Skipped')];
if (Number.isNaN(total) || Number.isNaN(passed)) {
  fs.unlinkSync(path);
} else {
  const failures = text.split(/^\s*FAIL\s+/m).slice(1);
  const tests = Array.from({ length: passed }, () => ({ status: 'passed' }));
  for (let i = 0; i < (skipped || 0); i += 1) tests.push({ status: 'skipped' });
  for (let i = 0; i < total - passed; i += 1) {
    const message = failures[i] || '';
    tests.push({ status: 'failed', fullName: message.split('\n')[0].trim(), failureMessages: [message] });
  }
  const status = code === '0' || total > passed ? 'passed' : 'failed';
  const file = { name: 'uvu', status, message: 'uvu ended with an error', assertionResults: tests };
  fs.writeFileSync(path, JSON.stringify({ testResults: [file] }));
}
