import { Outlet } from '@tanstack/react-router';
import { Shell } from '../features/shell/shell.tsx';

/** Everything is inside the shell. */
export function RootRoute() {
  return (
    <Shell>
      <Outlet />
    </Shell>
  );
}
