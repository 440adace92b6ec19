import { findAgent } from '@reeve/agents';
import { recordAudit } from '@reeve/audit';
import { routes, type ErrorDetail, type Setting } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { fieldMessage, ReeveError, type ConfigOf, type ConfigValue, type Log } from '@reeve/kit';
import { DEFAULT_TENANT } from '@reeve/identity';
import { gatewaySettings } from './config.ts';
import { deleteOverride, selectOverrides, upsertOverride, type Override } from './settings-store.ts';

/** The settings that a tenant may change while the server runs: those that are read anew for each request. */
const CHANGEABLE = {
  [gatewaySettings.defaultAgent.variable]: gatewaySettings.defaultAgent.schema,
  [gatewaySettings.gatewayTimeoutMs.variable]: gatewaySettings.gatewayTimeoutMs.schema,
};

/** The effective settings of a tenant. */
export type TenantSettings = Pick<ConfigOf<typeof gatewaySettings>, 'defaultAgent' | 'gatewayTimeoutMs'>;

export interface SettingsParts {
  readonly database: Database;
  readonly config: ConfigOf<typeof gatewaySettings>;
  /** Every configured value and its origin. */
  readonly shown: readonly ConfigValue[];
  readonly log: Log;
}

/** Settings as tenants have them. */
export interface SettingsOf {
  /** A tenant’s effective settings, at most 5 s old. Without a database: the last known ones, else the configured ones. */
  of(tenantId: string): Promise<TenantSettings>;
  forget(tenantId: string): void;
}

const FRESH_MS = 5_000;
const MOST_TENANTS = 10_000;

export function createSettings({ database, config, log }: SettingsParts): SettingsOf {
  const known = new Map<string, { readonly settings: Promise<TenantSettings>; readonly until: number }>();
  async function read(tenantId: string, before: Promise<TenantSettings> | undefined): Promise<TenantSettings> {
    try {
      const overrides = await inTenant(database.db, tenantId, (tx) => selectOverrides(tx, tenantId));
      const of = new Map(overrides.map(({ name, value }) => [name, value]));
      const agent = of.get(gatewaySettings.defaultAgent.variable);
      const waitMs = of.get(gatewaySettings.gatewayTimeoutMs.variable);
      return {
        defaultAgent: typeof agent === 'string' ? agent : config.defaultAgent,
        gatewayTimeoutMs: typeof waitMs === 'number' ? waitMs : config.gatewayTimeoutMs,
      };
    } catch (error) {
      log.warn({ err: error }, 'the settings of a tenant could not be read; the last known ones hold');
      return before ?? config;
    }
  }
  return {
    of(tenantId) {
      const found = known.get(tenantId);
      if (found !== undefined && found.until > performance.now()) return found.settings;
      if (known.size >= MOST_TENANTS) known.clear();
      const settings = read(tenantId, found?.settings);
      known.set(tenantId, { settings, until: performance.now() + FRESH_MS });
      return settings;
    },
    forget: (tenantId) => void known.delete(tenantId),
  };
}

/** Mounts the routes of settings. */
export function mountSettings(app: App, parts: SettingsParts, settings: SettingsOf): void {
  const { database, shown } = parts;
  app.mount(routes.getSettings, async ({ principal: { tenantId } }) => ({
    settings: list(
      visible(shown, tenantId),
      await inTenant(database.db, tenantId, (tx) => selectOverrides(tx, tenantId)),
    ),
  }));

  app.mount(routes.putSettings, async (call) => {
    const requester = requesterOf(call);
    const { tenantId } = requester;
    const changes = checked(shown, call.body.settings);
    const overrides = await inTenant(database.db, tenantId, async (tx) => {
      const agent = changes.get(gatewaySettings.defaultAgent.variable);
      if (typeof agent === 'string') await requireAgent(tx, tenantId, agent);
      const before = new Map((await selectOverrides(tx, tenantId)).map(({ name, value }) => [name, value]));
      for (const [name, value] of changes) {
        if (value === null) await deleteOverride(tx, tenantId, name);
        else await upsertOverride(tx, requester, name, value);
        const details = { name, from: before.get(name) ?? null, to: value };
        const { userId: actor, traceId } = requester;
        await recordAudit(tx, [{ tenantId, actor, action: 'SETTING_CHANGED', traceId, details }]);
      }
      return selectOverrides(tx, tenantId);
    });
    settings.forget(tenantId);
    return { settings: list(visible(shown, tenantId), overrides) };
  });
}

/** Only administrators of the first tenant see the whole configuration; others see what they may change. */
function visible(shown: readonly ConfigValue[], tenantId: string): readonly ConfigValue[] {
  return tenantId === DEFAULT_TENANT ? shown : shown.filter(({ variable }) => Object.hasOwn(CHANGEABLE, variable));
}

/** Parses the values; throws `invalid_request` that names every invalid one. */
function checked(
  shown: readonly ConfigValue[],
  changes: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, string | number | null> {
  const found = new Map<string, string | number | null>();
  const details: ErrorDetail[] = [];
  for (const [name, value] of Object.entries(changes)) {
    const path = `settings.${name}`;
    const schema = Object.hasOwn(CHANGEABLE, name) ? CHANGEABLE[name as keyof typeof CHANGEABLE] : undefined;
    const parsed = value === null ? undefined : schema?.safeParse(value);
    if (schema === undefined) {
      const isKnown = shown.some(({ variable }) => variable === name);
      const can = Object.keys(CHANGEABLE).join(', ');
      const message = isKnown ? `is read when the server starts; only ${can} may be changed here` : 'is not a setting';
      details.push({ path, message });
    } else if (parsed === undefined) found.set(name, null);
    else if (parsed.success) found.set(name, parsed.data);
    else details.push({ path, message: parsed.error.issues.map((issue) => issue.message).join('; ') });
  }
  const [first] = details;
  if (first !== undefined) throw new ReeveError('invalid_request', fieldMessage(first), { details });
  return found;
}

async function requireAgent(tx: Tx, tenantId: string, ref: string): Promise<void> {
  if ((await findAgent(tx, tenantId, ref)) !== undefined) return;
  const path = `settings.${gatewaySettings.defaultAgent.variable}`;
  throw new ReeveError('unknown_agent', `there is no agent ${ref}`, {
    details: [{ path, message: 'is not an agent' }],
  });
}

function list(shown: readonly ConfigValue[], overrides: readonly Override[]): Setting[] {
  const of = new Map(overrides.map((override) => [override.name, override]));
  return shown.map(({ variable, shown: configured, origin, description }) => {
    const changeable = Object.hasOwn(CHANGEABLE, variable);
    const override = changeable ? of.get(variable) : undefined;
    const common = { name: variable, changeable, description };
    if (override === undefined)
      return { ...common, value: configured, origin, configured: null, updated_by: null, updated_at: null };
    const { value, updated_by, updated_at } = override;
    return {
      ...common,
      value: String(value),
      origin: 'override',
      configured,
      updated_by,
      updated_at: updated_at.toISOString(),
    };
  });
}
