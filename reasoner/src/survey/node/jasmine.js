const fs = require('fs');
const tests = [];
jasmine.getEnv().addReporter({
  specDone(spec) {
    const failureMessages = spec.failedExpectations.map((failed) => `${failed.message}\n${failed.stack || ''}`);
    tests.push({ fullName: spec.fullName, status: spec.status === 'excluded' ? 'skipped' : spec.status, failureMessages });
  },
  jasmineDone(run) {
    const message = (run.failedExpectations || []).map((failed) => failed.message).join('\n');
    const status = message ? 'failed' : 'passed';
    const file = { name: 'jasmine', status, message, assertionResults: message ? [] : tests };
    const files = message ? [file, { ...file, status: 'passed', assertionResults: tests }] : [file];
    fs.writeFileSync(process.env.CODEGOD_REPORT, JSON.stringify({ testResults: files }));
  },
});
