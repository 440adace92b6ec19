/** The code of the first network error in the chain of causes, such as `ECONNREFUSED`. */
export function networkCode(thrown: unknown): string | undefined {
  let current = thrown;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const { code, errors, cause } = current as Error & { code?: unknown; errors?: unknown };
    if (typeof code === 'string' && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(code)) return code;
    current = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return undefined;
}
