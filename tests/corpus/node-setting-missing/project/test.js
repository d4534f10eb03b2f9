if (!process.env.API_KEY) throw new Error('Missing environment variable API_KEY');
