import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { forgetKey } from '../../api/connection.ts';

/** Forgets this tab's key and all that was read by it, and goes where a key is asked for. */
export function useSignOut(): () => void {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return () => {
    forgetKey();
    cache.clear();
    void navigate({ to: '/sign-in' });
  };
}
