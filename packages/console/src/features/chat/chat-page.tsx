import { ActionIcon, Drawer, Tooltip } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { routes, type Multitask } from '@reeve/contract';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Suspense, useState } from 'react';
import { useMay } from '../../api/identity.ts';
import { cancelRun } from '../../api/runs.ts';
import { sessionQuery } from '../../api/sessions.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { messageOf } from '../../ui/message-of.ts';
import { ListIcon } from '../../ui/icons.ts';
import { lazyPart } from '../../ui/lazy-part.ts';
import { FilesButton } from '../files/files-button.tsx';
import { refuseFolders } from '../uploads/refuse-folders.ts';
import { useDrop } from '../uploads/use-drop.ts';
import { AgentPicker } from './agent-picker.tsx';
import classes from './chat-page.module.css';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { MultitaskPicker } from './multitask-picker.tsx';
import type { ChatRequest, LiveRun } from './run-streams.ts';
import { SessionList } from './session-list.tsx';
import { useRunStreams } from './streams-context.ts';
import type { Turn } from './transcript.ts';
import { SendingTurn } from './turn-view.tsx';
import { useAttachedFiles } from './use-attached-files.ts';
import { useSessionRuns } from './use-session-runs.ts';
import { Welcome } from './welcome.tsx';

const FilesDrawer = lazyPart(async () => (await import('../files/files-drawer.tsx')).FilesDrawer);

interface ChatPageProps {
  readonly sessionId: string | undefined;
  readonly runId: string | undefined;
  /** The agent that the address names; else the session's own, else the built-in assistant. */
  readonly agent: string | undefined;
  readonly search: string;
  readonly onAgent: (agent: string) => void;
  readonly onSearch: (search: string) => void;
  /** The directory of the session's files that is open. */
  readonly files: string | undefined;
  readonly onFiles: (directory: string | undefined) => void;
  /** A message was taken: its run and session are stored. */
  readonly onStarted: (sessionId: string) => Promise<void>;
}

/** Sessions at the left, the conversation beside them, the composer under it. */
export function ChatPage({
  sessionId,
  runId,
  agent,
  search,
  files,
  onAgent,
  onSearch,
  onFiles,
  onStarted,
}: ChatPageProps) {
  const streams = useRunStreams();
  const cache = useQueryClient();
  const [listOpen, setListOpen] = useState(false);
  const session = useInfiniteQuery({ ...sessionQuery(sessionId ?? ''), enabled: sessionId !== undefined }).data
    ?.pages[0];
  const answering = agent ?? session?.agent_id ?? 'assistant';

  const { runs, started, activeId, working, inLine, reconnect } = useSessionRuns(sessionId);
  const [draft, setDraft] = useState('');
  const [multitask, setMultitask] = useState<Multitask>('enqueue');

  const attached = useAttachedFiles(sessionId);
  const start = useMutation({
    mutationFn: ({ request }: Sent) => streams.start(request),
    onSuccess: async (started, { view, onSent }) => {
      onSent?.();
      if (view === undefined) await onStarted(started.sessionId);
      void cache.invalidateQueries({ queryKey: ['sessions', 'list'] });
      void cache.invalidateQueries({ queryKey: ['runs', 'of-session', started.sessionId] });
    },
    // The text is not lost with its message.
    onError: (_error, { request }) => setDraft((typed) => typed || request.message),
  });
  const stop = useMutation({
    mutationFn: cancelRun,
    onError: (error) =>
      notifications.show({ color: 'rust', title: 'The run was not stopped', message: messageOf(error) }),
  });
  const send = (message: string, files?: readonly string[]): void => {
    const isDraft = files === undefined;
    const attachments = files ?? attached.files.map(({ path }) => path);
    setDraft('');
    setMultitask('enqueue');
    const session = sessionId ?? (isDraft ? attached.sessionId : undefined);
    start.mutate({
      view: sessionId,
      onSent: isDraft ? attached.clear : undefined,
      request: {
        agent_config_id: answering,
        message,
        ...(attachments.length > 0 && { attachments }),
        ...(session !== undefined && { session_id: session }),
        ...(activeId !== undefined && { multitask }),
      },
    });
  };
  const mayAttach = useMay(routes.uploadFile);
  const { isOver, ...drop } = useDrop(attached.add, refuseFolders);
  const canSend = draft.trim() !== '' || attached.files.length > 0;

  useHotkeys([['f', () => sessionId !== undefined && onFiles(files === undefined ? '/' : undefined)]]);

  const here = start.variables?.view === sessionId;
  const sending = here && start.isPending ? start.variables?.request.message : undefined;
  const list = (
    <SessionList current={sessionId} search={search} onSearch={onSearch} onOpen={() => setListOpen(false)} />
  );

  return (
    <div className={classes.chat}>
      <title>{`${session?.title ?? 'Chat'} · Reeve`}</title>
      <aside className={classes.side}>{list}</aside>
      <Drawer
        opened={listOpen}
        onClose={() => setListOpen(false)}
        title="Sessions"
        size="20rem"
        padding={0}
        closeButtonProps={{ 'aria-label': 'Close' }}
        classNames={{ header: classes.drawerHead, body: classes.drawerBody }}
      >
        {list}
      </Drawer>
      {sessionId !== undefined && files !== undefined && (
        <Suspense fallback={null}>
          <FilesDrawer sessionId={sessionId} directory={files} onClose={() => onFiles(undefined)} />
        </Suspense>
      )}
      <section
        className={classes.main}
        aria-label="Chat"
        data-over={(mayAttach && isOver) || undefined}
        {...(mayAttach && drop)}
      >
        <div className={classes.bar} data-bare={sessionId === undefined || undefined}>
          <Tooltip label="Sessions">
            <ActionIcon
              className={classes.toList}
              variant="default"
              size="lg"
              aria-label="Sessions"
              onClick={() => setListOpen(true)}
            >
              <ListIcon size={18} />
            </ActionIcon>
          </Tooltip>
          {sessionId !== undefined && <h1 className={classes.title}>{session?.title || 'Conversation'}</h1>}
          {sessionId !== undefined && <FilesButton sessionId={sessionId} onOpen={() => onFiles('/')} />}
        </div>
        {sessionId !== undefined ? (
          <Conversation
            sessionId={sessionId}
            runs={runs}
            fresh={started.map(turnOf)}
            sending={sending}
            runId={runId}
            busy={activeId !== undefined || start.isPending}
            working={working || start.isPending}
            inLine={inLine}
            onAgain={send}
            onTakeBack={(id) => stop.mutate(id)}
            onReconnect={reconnect}
          />
        ) : sending !== undefined ? (
          <div className={classes.sending}>
            <SendingTurn prompt={sending} />
          </div>
        ) : (
          <Welcome agent={answering} onTry={(message) => send(message, [])} />
        )}
        <div className={classes.compose}>
          {start.isError && here && (
            <ErrorPanel
              title="Your message was not sent"
              error={start.error}
              onRetry={canSend ? () => send(draft.trim()) : undefined}
            />
          )}
          <Composer
            draft={draft}
            onDraft={setDraft}
            onSend={() => send(draft.trim())}
            files={attached.files}
            onFiles={mayAttach ? attached.add : undefined}
            onRetry={attached.retry}
            onRemove={attached.remove}
            sending={start.isPending}
            stopping={stop.isPending && stop.variables === activeId}
            waiting={activeId !== undefined && !working}
            onStop={activeId === undefined ? undefined : () => stop.mutate(activeId)}
          >
            <AgentPicker value={answering} onChange={onAgent} />
            {activeId !== undefined && <MultitaskPicker value={multitask} onChange={setMultitask} />}
          </Composer>
        </div>
      </section>
    </div>
  );
}

/** A message that was sent, and the session in view then; undefined for a new conversation. */
interface Sent {
  readonly view: string | undefined;
  /** Forgets the files that went with it: of what was typed, not of an example or of what is asked again. */
  readonly onSent: (() => void) | undefined;
  readonly request: ChatRequest;
}

function turnOf({ prompt, view }: LiveRun & { readonly prompt: string }): Turn {
  return { key: view.runId, runId: view.runId, prompt, askedAt: null, attachments: [], items: [] };
}
