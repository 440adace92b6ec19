import './api/no-eval.ts';
// The library's styles first: the components' own follow and win.
import './ui/mantine.css';
import './ui/global.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { api, hasKey } from './api/connection.ts';
import { createQueryClient } from './api/query-client.ts';
import { createRunStreams } from './features/chat/run-streams.ts';
import { StreamsContext } from './features/chat/streams-context.ts';
import { router } from './router.tsx';
import { theme } from './ui/theme.ts';

const queryClient = createQueryClient(askForKey);
const streams = createRunStreams(api, queryClient);
const colorScheme = localStorageColorSchemeManager({ key: 'reeve.color_scheme' });

const element = document.getElementById('root');
if (element === null) throw new Error('the page has no element with the id "root"');
createRoot(element).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={colorScheme}>
      <QueryClientProvider client={queryClient}>
        <StreamsContext value={streams}>
          <RouterProvider router={router} />
        </StreamsContext>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

function askForKey(): void {
  const { pathname, href } = router.state.location;
  if (pathname !== '/sign-in')
    void router.navigate({ to: '/sign-in', search: { from: href, refused: hasKey() || undefined } });
}
