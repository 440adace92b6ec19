import type { TenantPolicyView } from '@reeve/contract';
import { compileLinear, fieldMessage, MASKED, ReeveError, type LinearPattern } from '@reeve/kit';
import { findCards } from './cards.ts';
import { findCredentials, type Finding } from './credentials.ts';

/*
 * What is never remembered. Credentials and numbers of payment cards are known; what else is a secret, the tenant's policy says as
 * patterns. A rule refuses the text, or masks the part that it is about.
 */

/** A tenant’s rules for storing memories. */
export interface MemoryRules {
  /** Whether facts are taken from conversations. */
  readonly extract: boolean;
  readonly secrets: 'refuse' | 'mask';
  readonly refuse: readonly LinearPattern[];
  readonly mask: readonly LinearPattern[];
}

/** The rules of a tenant, as they are now. */
export type MemoryRulesOf = (tenantId: string) => Promise<MemoryRules>;

/** The default rules. */
export const DEFAULT_RULES: MemoryRules = { extract: false, secrets: 'refuse', refuse: [], mask: [] };

const known = new WeakMap<object, MemoryRules>();

/** The rules of a tenant’s policy. Patterns are compiled once per policy; they were validated when it was set. */
export function memoryRules(policy: TenantPolicyView['memory']): MemoryRules {
  let rules = known.get(policy);
  if (rules === undefined) {
    const { extract, secrets } = policy;
    rules = { extract, secrets, refuse: policy.refuse.map(compiled), mask: policy.mask.map(compiled) };
    known.set(policy, rules);
  }
  return rules;
}

/** Places of one pattern in a text; a text with more holds little else. */
const MOST = 200;

/**
 * A text as it may be stored: what the rules mask is masked. Throws `content_refused` where they refuse it; the error names the
 * field and the rule, and nothing of the text.
 */
export function allowedText(text: string, rules: MemoryRules, path: string): string {
  const secrets = findSecrets(text);
  const [first] = secrets;
  if (first !== undefined && rules.secrets === 'refuse') throw refused(path, first.rule);
  const at = rules.refuse.findIndex((pattern) => pattern.test(text));
  if (at !== -1) throw refused(path, `refuse.${at}`);
  return masked(text, [...secrets, ...placesOf(rules.mask, text)]);
}

/** Masks every match of every rule, for text that is stored without a request. */
export function withoutSecrets(text: string, { refuse, mask }: MemoryRules): string {
  return masked(text, [...findSecrets(text), ...placesOf([...refuse, ...mask], text)]);
}

/** Credentials and numbers of payment cards in a text. */
export function findSecrets(text: string): Finding[] {
  return [...findCredentials(text), ...findCards(text)];
}

function placesOf(patterns: readonly LinearPattern[], text: string): Omit<Finding, 'rule'>[] {
  return patterns.flatMap((pattern) => {
    const places = pattern.find(text, MOST);
    return places.length < MOST ? places : [{ start: 0, end: text.length }];
  });
}

function masked(text: string, findings: readonly Omit<Finding, 'rule'>[]): string {
  let rest = text;
  // From the end, so that earlier offsets stay valid.
  for (const { start, end } of mergedFindings(findings).reverse())
    rest = rest.slice(0, start) + MASKED + rest.slice(end);
  return rest;
}

function mergedFindings(findings: readonly Omit<Finding, 'rule'>[]): { start: number; end: number }[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of findings.toSorted((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

const WHAT: Readonly<Record<string, string>> = {
  private_key: 'a private key',
  api_key: 'an API key',
  bearer_token: 'a bearer token',
  url_password: 'an address with a password',
  password: 'a password',
  payment_card: 'the number of a payment card',
};

function refused(path: string, rule: string): ReeveError {
  const what = WHAT[rule] ?? 'what this tenant does not want to be remembered';
  const message = `holds ${what}, which is never remembered (rule ${rule}); leave it out, and say where it is kept instead`;
  return new ReeveError('content_refused', fieldMessage({ path, message }), { details: [{ path, message }] });
}

function compiled(source: string): LinearPattern {
  const pattern = compileLinear(source);
  if ('problem' in pattern) throw new ReeveError('internal', `a pattern of the memory’s rules ${pattern.problem}`);
  return pattern;
}
