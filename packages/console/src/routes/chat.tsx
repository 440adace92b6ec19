import { useDebouncedCallback } from '@mantine/hooks';
import { getRouteApi } from '@tanstack/react-router';
import { ChatPage } from '../features/chat/chat-page.tsx';

const route = getRouteApi('/chat/{-$sessionId}');

/** `/chat/{sessionId}?run=&agent=&q=&files=` */
export function ChatRoute() {
  const { sessionId } = route.useParams();
  const { run, agent, q, files } = route.useSearch();
  const navigate = route.useNavigate();
  const onSearch = useDebouncedCallback((search: string) => {
    void navigate({ to: '.', search: (previous) => ({ ...previous, q: search || undefined }), replace: true });
  }, 250);
  return (
    <ChatPage
      sessionId={sessionId}
      runId={run}
      agent={agent}
      search={q ?? ''}
      onSearch={onSearch}
      onAgent={(chosen) =>
        void navigate({ to: '.', search: (previous) => ({ ...previous, agent: chosen }), replace: true })
      }
      files={files}
      onFiles={(directory) => void navigate({ to: '.', search: (previous) => ({ ...previous, files: directory }) })}
      onStarted={(started) =>
        navigate({ to: '/chat/{-$sessionId}', params: { sessionId: started }, search: { agent, q } })
      }
    />
  );
}
