module.exports = require('./lib/summ');
