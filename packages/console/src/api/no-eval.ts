import { config } from 'zod';

// The content policy forbids what zod compiles its checks with, and the browser reports even the attempt. Imported before
// any schema is made.
config({ jitless: true });
