require('node:crypto').createHash('md4').update('a').digest('hex');
