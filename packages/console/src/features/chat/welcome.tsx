import { Button } from '@mantine/core';
import { hasKey } from '../../api/connection.ts';
import { Command } from '../../ui/command.tsx';
import { Mark } from '../../ui/mark.tsx';
import classes from './welcome.module.css';

interface WelcomeProps {
  readonly agent: string;
  readonly onTry: (prompt: string) => void;
}

const EXAMPLE = 'What is 18% of 4,250?';

/** A chat that has not begun: what happens here, one thing to do, and the same from a terminal. */
export function Welcome({ agent, onTry }: WelcomeProps) {
  const key = hasKey() ? ' -H "authorization: Bearer $REEVE_API_KEY"' : '';
  const body = JSON.stringify({ agent_config_id: agent, message: EXAMPLE });
  return (
    <div className={classes.welcome}>
      <Mark size={56} />
      <h1>Ask an agent</h1>
      <p>
        It plans, uses its tools in a sandbox and answers. The run is kept by the server, so it goes on even if you
        close this tab.
      </p>
      <Button variant="default" onClick={() => onTry(EXAMPLE)}>
        Try: {EXAMPLE}
      </Button>
      <div className={classes.commands}>
        <Command label="From a terminal" command={`reeve run "${EXAMPLE}"`} />
        <Command
          label="Over HTTP"
          command={`curl -N ${location.origin}/api/v1/agents/chat -H 'content-type: application/json'${key} -d '${body}'`}
        />
      </div>
    </div>
  );
}
