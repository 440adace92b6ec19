import { Unreadable } from './document.ts';

const SAMPLE = 65_536;
const MAX_CONTROL_SHARE = 0.02;

/**
 * Bytes as text: by their byte order mark (UTF-8, UTF-16), else as UTF-8 where they are that, else in the encoding of that name
 * (as `charset` of HTML), else as Latin-1 the way browsers read it (Windows-1252). Line ends become `\n`. Throws
 * `Unreadable` where it is no text.
 */
export function decodeText(bytes: Uint8Array, label = 'windows-1252'): string {
  const text = decode(bytes, label);
  let controls = 0;
  const sample = Math.min(SAMPLE, text.length);
  for (let at = 0; at < sample; at++) if (isControl(text.charCodeAt(at))) controls += 1;
  if (controls > sample * MAX_CONTROL_SHARE)
    throw new Unreadable('it is not text: it holds bytes that no text has, such as NUL');
  return text.replaceAll(/\r\n?/g, '\n');
}

function decode(bytes: Uint8Array, label: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decoderOf(label).decode(bytes);
  }
}

function decoderOf(label: string): TextDecoder {
  try {
    return new TextDecoder(label);
  } catch {
    return new TextDecoder('windows-1252');
  }
}

/** Control characters but tab, the ends of lines and pages, and escape, which logs color with. */
function isControl(code: number): boolean {
  return (code < 32 && !(code >= 9 && code <= 13) && code !== 27) || code === 127;
}
