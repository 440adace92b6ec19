import { useHotkeys } from '@mantine/hooks';
import { Suspense, useCallback, useState, type ReactNode } from 'react';
import { lazyPart, loadAgain } from '../../ui/lazy-part.ts';
import { Header } from './header.tsx';
import classes from './shell.module.css';
import { useGoKeys } from './use-go-keys.ts';

const loadPalette = () => loadAgain(() => import('./palette.tsx'));
const Palette = lazyPart(async () => (await loadPalette()).Palette);
const Shortcuts = lazyPart(async () => (await import('./shortcuts.tsx')).Shortcuts);
const Notices = lazyPart(async () => (await import('./notices.tsx')).Notices);

/** What is around every page: skip link, header, palette, shortcuts and notices. What opens on demand is loaded on demand. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const togglePalette = useCallback(async () => {
    setPalette(true);
    (await loadPalette()).togglePalette();
  }, []);
  const openHelp = useCallback(() => setHelp(true), []);
  useGoKeys();
  useHotkeys([['mod+K', () => void togglePalette()]], []);
  useHotkeys([
    ['/', () => void togglePalette()],
    ['shift+?', openHelp],
    ['?', openHelp],
  ]);
  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <Header onPalette={() => void togglePalette()} onShortcuts={openHelp} />
      <main id="main" tabIndex={-1} className={classes.main}>
        {children}
      </main>
      <Suspense fallback={null}>
        {palette && <Palette onShortcuts={openHelp} />}
        {help && <Shortcuts onClose={() => setHelp(false)} />}
        <Notices />
      </Suspense>
    </>
  );
}
