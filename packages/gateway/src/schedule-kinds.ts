import type { ScheduleKind } from '@reeve/tasks';

/**
 * The ready-made kinds of schedules: the assistant's, and what the crew does by itself at set times. Where a tenant has not
 * got the agent, the list says that the kind is not available.
 */
export const SCHEDULE_KINDS: readonly ScheduleKind[] = [
  {
    schedule_type: 'daily_brief',
    agent_id: 'assistant',
    task_type: 'query',
    title: 'What is there to know about today?',
    description: 'The assistant goes through what it remembers and says what matters today.',
    frequency: 'daily',
    config: {},
  },
  {
    schedule_type: 'system_health',
    agent_id: 'CONNOR',
    task_type: 'review_system_health',
    title: 'Review the health of the system',
    description: 'CONNOR looks at health, queue, breakers and error rates.',
    frequency: 'daily',
    config: {},
  },
  {
    schedule_type: 'safety_review',
    agent_id: 'AEGIS',
    task_type: 'review_recent_agent_tasks',
    title: 'Review what the agents did lately',
    description: 'AEGIS looks for denied tools, cost spikes and breaches of policy.',
    frequency: 'daily',
    config: {},
  },
  {
    schedule_type: 'event_summary',
    agent_id: 'EIVOR',
    task_type: 'summarize_recent_events',
    title: 'Summarize the latest events',
    description: 'EIVOR sums up the journal and the memory events.',
    frequency: 'weekly',
    config: {},
  },
  {
    schedule_type: 'memory_cleanup',
    agent_id: 'EIVOR',
    task_type: 'memory_cleanup',
    title: 'Propose a cleanup of memory',
    description: 'EIVOR looks for duplicates and contradictions, and proposes a plan.',
    frequency: 'monthly',
    config: { dry_run: true },
  },
];
