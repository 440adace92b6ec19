import type { ErrorDetail } from '@reeve/contract';

/**
 * The server's findings by the field of a form that they belong to (`payload.x` and `payload[0]` belong to `payload`), and those that
 * belong to none.
 */
export function placeFaults<Field extends string>(
  fields: readonly Field[],
  details: readonly ErrorDetail[],
): { readonly byField: Partial<Record<Field, string>>; readonly others: readonly ErrorDetail[] } {
  const byField: Partial<Record<Field, string>> = {};
  const others: ErrorDetail[] = [];
  for (const detail of details) {
    const field = fields.find((name) => detail.path === name || /^[.[]/.test(afterPrefix(detail.path, name)));
    if (field === undefined) others.push(detail);
    else
      byField[field] = [byField[field], detail.path === field ? detail.message : `${detail.path}: ${detail.message}`]
        .filter(Boolean)
        .join('; ');
  }
  return { byField, others };
}

function afterPrefix(path: string, name: string): string {
  return path.startsWith(name) ? path.slice(name.length) : '';
}
