import { setting } from '@reeve/kit';
import { ServicePort } from '@reeve/rpc/config';
import { z } from 'zod';

const TARGET = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;

/** Settings of the sandbox. */
export const sandboxSettings = {
  sandboxBackend: setting(
    'SANDBOX_BACKEND',
    z
      .enum(['auto', 'quickjs', 'bubblewrap', 'docker', 'remote'], {
        message: 'must be auto, quickjs, bubblewrap, docker or remote',
      })
      .default('auto')
      .describe(
        'Where commands run: `auto` uses bubblewrap where it works, else Docker where an engine answers and has the image; `quickjs` runs JavaScript only; `bubblewrap` and `docker` try only that, and report an error where it does not work; `remote` is the process that SANDBOX_TARGET names.',
      ),
  ),
  sandboxDockerImage: setting(
    'SANDBOX_DOCKER_IMAGE',
    z
      .string()
      .regex(/^[\w.:/@-]+$/, 'must be the name of an image, such as node:24')
      .default('node:24')
      .describe(
        'Docker image for commands: it needs bash, and python3 and node to run those. It is not pulled automatically.',
      ),
  ),
  dockerHost: setting(
    'DOCKER_HOST',
    z
      .string()
      .default('unix:///var/run/docker.sock')
      .describe('Address of the Docker engine: `unix:///path/of/a/socket` or `tcp://host:port`.'),
  ),
  sandboxTarget: setting(
    'SANDBOX_TARGET',
    z
      .string()
      .regex(TARGET, 'it must be host:port, such as sandbox.internal:50053')
      .optional()
      .describe(
        'Process with the role sandbox, as host:port; it runs programs and the tools that work in a workspace.',
      ),
  ),
  sandboxHost: setting(
    'SANDBOX_HOST',
    z
      .string()
      .min(1)
      .optional()
      .describe(
        'Address that the services Sandbox and Programs listen on; unset: 127.0.0.1, or REEVE_HOST where the process has no other role.',
      ),
  ),
  sandboxPort: setting(
    'SANDBOX_PORT',
    ServicePort.default(50_053).describe(
      'Port of the services Sandbox and Programs; 0 takes a free one, off serves none.',
    ),
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
      .describe('Disk quota per session, in MiB.'),
  ),
};
