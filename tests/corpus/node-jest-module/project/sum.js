const { nanoid } = require('nanoid');
module.exports = nanoid;
