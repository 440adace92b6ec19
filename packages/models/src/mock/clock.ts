import type { PlannedCall } from './call.ts';

const STARTS =
  /^(?:what(?:['’]?s| is)?\s+(?:the\s+)?(?:current\s+|local\s+|exact\s+)?(?:time|date|day|today['’]?s date)\b|(?:what|which) (?:day|year|month) is\b|tell me (?:the )?(?:current |local )?(?:time|date)\b|(?:the )?current (?:time|date)\b|today['’]?s date\b|(?:the )?time (?:now )?in\s)/i;
const OTHER_SENSE =
  /^[^?\n]{0,60}\b(?:complexity|series|machine|line of|of (?:birth|death|the (?:battle|war|release))|did|was|will|will be)\b/i;

export function startsTime(head: string): boolean {
  return STARTS.test(head) && !OTHER_SENSE.test(head);
}

/** A question for the time or date, with the time zone that it names. */
export function readTime(piece: string): PlannedCall {
  const text = piece.slice(0, 300);
  const place = /\b(?:in|at|for)\s+([\p{L} ._-]{2,40})/iu.exec(text)?.[1]?.replace(/[\s._-]+$/, '');
  const timezone = findZone(text, place);
  if (timezone !== undefined) return { tool: 'current_time', input: { timezone } };
  const isNamed = place !== undefined && /^\p{Lu}/u.test(place);
  return { tool: 'current_time', input: {}, ...(isNamed && { note: `I do not know the time zone of ${place}.` }) };
}

/** The IANA zone that a text names: by its name, as UTC, or by its city. */
function findZone(text: string, place: string | undefined): string | undefined {
  const named = /\b[A-Za-z]{2,20}\/[A-Za-z_]{2,30}(?:\/[A-Za-z_]{2,30})?\b/.exec(text)?.[0];
  if (named !== undefined && isZone(named)) return named;
  if (/\b(?:utc|gmt)\b/i.test(text)) return 'UTC';
  const wanted = place?.trim().toLowerCase().replace(/\s+/g, '_');
  if (wanted === undefined) return undefined;
  return Intl.supportedValuesOf('timeZone').find(
    (zone) => zone.toLowerCase().split('/').at(-1) === wanted || zone.toLowerCase() === wanted,
  );
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
