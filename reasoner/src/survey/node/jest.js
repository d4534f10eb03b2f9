const fs = require('fs');
module.exports = class {
  onRunComplete(_, results) {
    const testResults = results.testResults.map((file) => ({
      name: file.testFilePath,
      status: file.failureMessage || file.testExecError || file.numFailingTests ? 'failed' : 'passed',
      message: file.failureMessage || '',
      assertionResults: file.testResults.map(({ fullName, status, failureMessages }) => ({ fullName, status, failureMessages })),
    }));
    fs.writeFileSync(process.env.CODEGOD_REPORT, JSON.stringify({ testResults }));
  }
};
