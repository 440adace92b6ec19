import mammoth from 'mammoth';
import { Unreadable, type BlockList } from './document.ts';
import { readHtmlText } from './read-html.ts';
import { checkZip } from './zip.ts';

const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh"];

/** Reads a document of Word: headings, lists, tables, text and notes, no pictures. Answers its title, a first heading of level 1. */
export async function readDocx(bytes: Uint8Array, list: BlockList): Promise<string | null> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, 8).toString('hex') === 'd0cf11e0a1b11ae1')
    throw new Unreadable('it is encrypted or in the old format of Word; save it as .docx without a password');
  if (!(await checkZip(buffer)).has('[Content_Types].xml'))
    throw new Unreadable('it is no DOCX: it is a ZIP archive of something else');
  const { value } = await mammoth.convertToHtml(
    { buffer },
    { styleMap: STYLES, externalFileAccess: false, convertImage: mammoth.images.imgElement(async () => ({ src: '' })) },
  );
  return readHtmlText(value, list);
}
