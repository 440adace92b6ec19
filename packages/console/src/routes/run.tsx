import { getRouteApi } from '@tanstack/react-router';
import { RunDetail } from '../features/runs/run-detail.tsx';

const route = getRouteApi('/runs/$runId');

/** `/runs/{runId}` */
export function RunRoute() {
  const { runId } = route.useParams();
  return <RunDetail key={runId} runId={runId} />;
}
