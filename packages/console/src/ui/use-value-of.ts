import { useEffect, useRef } from 'react';

/** Puts what the address says into a field that is typed in, unless that is being done. */
export function useValueOf(value: string | undefined) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const input = field.current;
    if (input !== null && input !== document.activeElement) input.value = value ?? '';
  }, [value]);
  return field;
}
