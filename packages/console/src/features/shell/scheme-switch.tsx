import { ActionIcon, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { AutoIcon, MoonIcon, SunIcon } from '../../ui/icons.ts';

const SCHEMES = [
  { scheme: 'auto', label: 'like the system', icon: AutoIcon },
  { scheme: 'light', label: 'light', icon: SunIcon },
  { scheme: 'dark', label: 'dark', icon: MoonIcon },
] as const satisfies readonly { scheme: MantineColorScheme; label: string; icon: typeof SunIcon }[];

/** Goes from the system's colors to light to dark; kept in this browser. The palette names each. */
export function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const index = Math.max(
    0,
    SCHEMES.findIndex(({ scheme }) => scheme === colorScheme),
  );
  const now = SCHEMES[index] ?? SCHEMES[0];
  const next = SCHEMES[(index + 1) % SCHEMES.length] ?? SCHEMES[0];
  const label = `Colors: ${now.label}. Change to ${next.label}`;
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      c="var(--mantine-color-text)"
      size="lg"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next.scheme)}
    >
      <now.icon size={18} />
    </ActionIcon>
  );
}
