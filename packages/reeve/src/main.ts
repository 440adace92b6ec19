import { parseArgs } from 'node:util';
import { serve } from './commands/serve.ts';

const { values } = parseArgs({ args: process.argv.slice(3), options: { host: { type: 'string' }, port: { type: 'string' }, 'data-dir': { type: 'string' }, roles: { type: 'string' } } });
process.exitCode = await serve({ ...(values.host && { host: values.host }), ...(values.port && { port: values.port }), ...(values['data-dir'] && { dataDir: values['data-dir'] }), ...(values.roles && { roles: values.roles }) });
