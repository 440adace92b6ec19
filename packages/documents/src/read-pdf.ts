import { getDocumentProxy } from 'unpdf';
import { Unreadable, type BlockList } from './document.ts';
import { blocksOfPages, linesOf, type Line } from './pdf-lines.ts';

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

const MAX_PAGES = 10_000;

/**
 * Reads the text of a PDF, page by page; larger print makes headings. Answers the title that it names, else a first heading.
 * Throws `Unreadable` where a password is needed, where it is broken, and where it has pages but no text (a scan).
 */
export async function readPdf(bytes: Uint8Array, list: BlockList): Promise<string | null> {
  const pdf = await open(bytes);
  try {
    if (pdf.numPages > MAX_PAGES) throw new Unreadable(`it has ${pdf.numPages} pages; ${MAX_PAGES} are the most`);
    const pages: Line[][] = [];
    let room = list.left;
    for (let number = 1; number <= pdf.numPages; number++) {
      const lines = await readPage(pdf, number);
      for (const { text } of lines) room -= text.length;
      if (room < 0) list.refuse();
      pages.push(lines);
    }
    for (const block of blocksOfPages(pages)) list.add(block);
    if (list.blocks.length === 0)
      throw new Unreadable(
        'it holds no text: its pages are pictures, as scans are; run it through text recognition first',
      );
    const [first] = list.blocks;
    return (await titleOf(pdf)) ?? (first?.kind === 'heading' && first.level === 1 ? first.text : null);
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function open(bytes: Uint8Array): Promise<Pdf> {
  try {
    // pdf.js takes the bytes away from their owner, and takes no Buffer.
    return await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0, maxImageSize: 1, useSystemFonts: false });
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'PasswordException')
      throw new Unreadable('it is encrypted; save it without a password', { cause: error });
    throw new Unreadable(`the PDF is broken: ${message}`, { cause: error });
  }
}

async function readPage(pdf: Pdf, number: number): Promise<Line[]> {
  const page = await pdf.getPage(number);
  const { items } = await page.getTextContent();
  page.cleanup();
  return linesOf(items.filter((item) => 'str' in item));
}

async function titleOf(pdf: Pdf): Promise<string | undefined> {
  const { info } = (await pdf.getMetadata()) as { info: { Title?: unknown } };
  const title = typeof info.Title === 'string' ? info.Title.trim() : '';
  return title === '' || /^untitled$|\.(docx?|indd|tex|dvi|pdf)$|^Microsoft Word - /i.test(title) ? undefined : title;
}
