import { serve } from './commands/serve.ts';
process.exitCode = await serve({ port: process.argv[3] ?? '8080', dataDir: process.argv[4] ?? '.reeve' });
