import { Link } from '@tanstack/react-router';
import { shortId } from '../../ui/format.ts';

/** The way to another run. */
export function RunLink({ runId }: { readonly runId: string }) {
  return (
    <Link to="/runs/$runId" params={{ runId }}>
      run {shortId(runId)}
    </Link>
  );
}
