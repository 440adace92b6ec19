// Makes readable text of strangers' pages, in a process that can be ended: parsing hostile HTML may last and fill the memory.
import { readPage, type Page } from '@reeve/kit/page';
import { answerQuestions } from '@reeve/kit/worker';
import robotsParser from 'robots-parser';

export type PageQuestion =
  | { readonly kind: 'page'; readonly html: string; readonly url: string }
  | {
      readonly kind: 'robots';
      readonly robots: string;
      readonly at: string;
      readonly url: string;
      readonly agent: string;
    };

export interface Permission {
  readonly allowed: boolean;
  readonly delaySeconds: number;
}

export type PageAnswer = Page | Permission;

answerQuestions<PageQuestion, PageAnswer>((question) =>
  question.kind === 'page' ? readPage(question.html, question.url) : readRobots(question),
);

/** What the package exports; its types say that it is a property of that. */
const parseRobots = robotsParser as unknown as typeof robotsParser.default;

function readRobots({ robots, at, url, agent }: Extract<PageQuestion, { kind: 'robots' }>): Permission {
  const rules = parseRobots(at, robots);
  return { allowed: rules.isAllowed(url, agent) ?? true, delaySeconds: rules.getCrawlDelay(agent) ?? 0 };
}
