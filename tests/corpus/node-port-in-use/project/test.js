const net = require('node:net');

net.createServer().listen(45123, () => net.createServer().listen(45123));
