import { setting } from '@reeve/kit';
import { z } from 'zod';
import { isNetwork } from './public-address.ts';

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const isOrigin = (text: string) => {
  const url = URL.parse(text);
  return text === '*' || (url !== null && /^https?:$/.test(url.protocol) && url.origin === text);
};

/** Text such as "true" or "false", or networks separated by commas. */
const networks = z.union([
  z.boolean(),
  z.stringbool(),
  z
    .string()
    .transform(list)
    .refine(
      (found) => found.length > 0 && found.every(isNetwork),
      'it must be true, false, or networks such as 10.0.0.0/8,192.168.1.7',
    ),
]);

export const httpSettings = {
  corsOrigins: setting(
    'REEVE_CORS_ORIGINS',
    z
      .string()
      .transform(list)
      .refine((origins) => origins.every(isOrigin), 'it must be origins such as https://app.example, or *')
      .default([])
      .describe('Origins whose pages may call the API (CORS), separated by commas, or *.'),
  ),
  allowPrivateUrls: setting(
    'REEVE_ALLOW_PRIVATE_URLS',
    networks
      .default(false)
      .describe(
        'Whether web tools and URLs that users give may reach private addresses: true, false, or networks such as 10.0.0.0/8,192.168.1.7.',
      ),
  ),
};
