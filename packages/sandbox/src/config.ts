import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of the sandbox. */
export const sandboxSettings = {
  sandboxBackend: setting(
    'SANDBOX_BACKEND',
    z
      .enum(['auto', 'quickjs', 'bubblewrap', 'docker'], { message: 'must be auto, quickjs, bubblewrap or docker' })
      .default('auto')
      .describe(
        'Where commands run: `auto` uses bubblewrap where it works, else Docker where an engine answers and has the image; `quickjs` runs JavaScript only; `bubblewrap` and `docker` try only that, and report an error where it does not work.',
      ),
  ),
  sandboxDockerImage: setting(
    'SANDBOX_DOCKER_IMAGE',
    z
      .string()
      .regex(/^[\w.:/@-]+$/, 'must be the name of an image, such as node:24')
      .default('node:24')
      .describe(
        'The image that commands run in with Docker: one with bash, and with python3 and node where those shall run. It is not pulled by itself.',
      ),
  ),
  dockerHost: setting(
    'DOCKER_HOST',
    z
      .string()
      .default('unix:///var/run/docker.sock')
      .describe('Where the Docker engine listens: `unix:///path/of/a/socket` or `tcp://host:port`.'),
  ),
};

/** Settings of workspaces. */
export const workspaceSettings = {
  workspaceQuotaMb: setting(
    'REEVE_WORKSPACE_QUOTA_MB',
    z.coerce
      .number('must be a number')
      .int('must be a whole number')
      .min(1, 'must be 1 to 1,000,000')
      .max(1_000_000, 'must be 1 to 1,000,000')
      .default(2_048)
      .describe('What the files of a session may take on the disk, in MiB.'),
  ),
};
