// Files for tests: the smallest that are what they say.
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

const { signal } = new AbortController();
/** A signal that never aborts. */
export const patient: AbortSignal = signal;

/** A line of print: its text, how large, and how far from the foot of the page. */
export interface Print {
  readonly text: string;
  readonly size: number;
  readonly y: number;
}

export interface PdfOptions {
  readonly title?: string;
  readonly isEncrypted?: boolean;
}

/** A PDF of pages, in Helvetica, with a table of its objects. */
export function pdfOf(pages: readonly (readonly Print[])[], { title, isEncrypted = false }: PdfOptions = {}): Buffer {
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', '', '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'];
  const kids: string[] = [];
  for (const lines of pages) {
    const content = lines
      .map(({ text, size, y }) => `BT /F1 ${size} Tf 72 ${y} Td (${escaped(text)}) Tj ET`)
      .join('\n');
    objects.push(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${objects.length} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    );
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`;
  let trailer = '/Root 1 0 R';
  if (title !== undefined) trailer += ` /Info ${objects.push(`<< /Title (${escaped(title)}) >>`)} 0 R`;
  if (isEncrypted) {
    const key = `<${'a1'.repeat(32)}>`;
    trailer += ` /Encrypt ${objects.push(`<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O ${key} /U ${key} >>`)} 0 R`;
    trailer += ` /ID [<${'00'.repeat(16)}> <${'00'.repeat(16)}>]`;
  }
  return assembled(objects, trailer);
}

/** The bytes of a PDF with these objects, numbered from 1. */
export function assembled(objects: readonly string[], trailer: string): Buffer {
  let text = '%PDF-1.7\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`;
  return Buffer.from(
    `${text}${table}trailer\n<< /Size ${objects.length + 1} ${trailer} >>\nstartxref\n${text.length}\n%%EOF`,
    'latin1',
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[\\()]/g, '\\$&');
}

/** A ZIP archive of these files. */
export async function zipOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  return buffer(zip.outputStream);
}

const WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** A document of Word with this body, and the styles `Title`, `Heading1` and `Heading2`. */
export async function docxOf(body: string, more: Readonly<Record<string, Buffer>> = {}): Promise<Buffer> {
  const style = (id: string, name: string) =>
    `<w:style w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/></w:style>`;
  return zipOf({
    '[Content_Types].xml': `<Types xmlns="${PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="r1" Type="${OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/_rels/document.xml.rels': `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="r1" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
    'word/styles.xml': `<w:styles ${WORD}>${style('Title', 'Title')}${style('Heading1', 'heading 1')}${style('Heading2', 'heading 2')}</w:styles>`,
    'word/document.xml': `<w:document ${WORD}><w:body>${body}</w:body></w:document>`,
    ...more,
  });
}

/** A paragraph of Word. */
export function paragraph(text: string, style?: string): string {
  const named = style === undefined ? '' : `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`;
  return `<w:p>${named}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}
