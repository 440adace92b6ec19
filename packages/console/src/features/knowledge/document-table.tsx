import type { KnowledgeDocument, Persona } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { DeleteIcon } from '../../ui/icons.ts';
import { RowAction } from '../../ui/row-action.tsx';
import table from '../../ui/table.module.css';
import { Tag } from '../../ui/tag.tsx';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import type { BaseSearch } from './base-search.ts';
import { typeWords } from './bases.ts';
import { nameOf } from './document-name.ts';
import classes from './knowledge.module.css';

interface DocumentTableProps {
  readonly persona: Persona;
  readonly documents: readonly KnowledgeDocument[];
  /** Why the caller may delete none; undefined where they may. */
  readonly refusal: string | undefined;
  readonly search: BaseSearch;
  readonly onDelete: (document: KnowledgeDocument) => void;
}

/** Documents, the latest changed first. A row opens its chunks. */
export function DocumentTable({ persona, documents, refusal, search, onDelete }: DocumentTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Document</th>
            <th scope="col" className={table.wide}>
              Type
            </th>
            <th scope="col" className={table.number}>
              Chunks
            </th>
            <th scope="col" className={`${table.number} ${table.wide}`}>
              Size
            </th>
            <th scope="col" className={table.wide}>
              Changed
            </th>
            <th scope="col">
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {documents.map((document) => (
            <Row
              key={document.id}
              persona={persona}
              document={document}
              refusal={refusal}
              search={search}
              onDelete={() => onDelete(document)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly persona: Persona;
  readonly document: KnowledgeDocument;
  readonly refusal: string | undefined;
  readonly search: BaseSearch;
  readonly onDelete: () => void;
}

function Row({ persona, document, refusal, search, onDelete }: RowProps) {
  const { id, source, title, tags, media_type: type, size, chunk_count: chunks, updated_at: updated } = document;
  const name = nameOf(document);
  return (
    <tr>
      <td className={table.main}>
        <Link
          to="/admin/knowledge/$persona"
          params={{ persona: persona.slug }}
          search={{ ...search, document: id }}
          resetScroll={false}
          className={table.link}
          data-row
        >
          {name}
        </Link>
        {title !== null && source !== null && source !== title && <span className={table.sub}>{source}</span>}
        {tags.length > 0 && (
          <span className={classes.tags}>
            {tags.map((tag) => (
              <Tag key={tag}>{tag}</Tag>
            ))}
          </span>
        )}
        <span className={`${table.sub} ${table.narrowOnly}`}>
          {typeWords(type)}, {formatBytes(size)}, <Ago time={updated} />
        </span>
      </td>
      <td className={table.wide} title={type}>
        {typeWords(type)}
      </td>
      <td className={classes.count}>
        {formatCount(chunks)} <span className={classes.word}>{chunks === 1 ? 'chunk' : 'chunks'}</span>
      </td>
      <td className={`${table.number} ${table.wide}`}>{formatBytes(size)}</td>
      <td className={`${classes.time} ${table.wide}`}>
        <Ago time={updated} />
      </td>
      <td aria-label="Actions" className={classes.above}>
        <RowAction label={`Delete ${name}`} tip="Delete" refusal={refusal} onClick={onDelete}>
          <DeleteIcon size={16} />
        </RowAction>
      </td>
    </tr>
  );
}
