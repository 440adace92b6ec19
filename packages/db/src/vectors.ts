import { ReeveError } from '@reeve/kit';
import { inLockedTransaction, type RunSql } from './migrate.ts';

/** Whether a database compares vectors itself, by pgvector. */
export type VectorSupport =
  | {
      readonly available: true;
      readonly version: string;
      /** Where its type and its operators are. */
      readonly schema: string;
    }
  /** `reason`: what is wanting, and who can mend it. */
  | { readonly available: false; readonly reason: string };

/** In older ones an index could be damaged. */
const OLDEST = '0.8.4';

/** Says whether pgvector is there as far as the catalogue tells. Changes nothing. */
export async function findVectors(run: RunSql): Promise<VectorSupport> {
  const extension = await readExtension(run);
  if (extension === undefined) return lacking('the server has no pgvector');
  const { offered, version, schema } = extension;
  if (isOld(version ?? offered)) {
    const mended = version === null || isOld(offered) ? '' : ': have a superuser run "alter extension vector update"';
    return lacking(`pgvector ${version ?? offered} is older than ${OLDEST}${mended}`);
  }
  if (version === null || schema === null)
    return lacking(
      `pgvector ${offered} is not created in this database: have a superuser run "create extension vector"`,
    );
  return { available: true, version, schema };
}

interface Extension {
  /** The version that the server would create. */
  readonly offered: string;
  /** What this database has; null where it was not created. */
  readonly version: string | null;
  readonly schema: string | null;
}

async function readExtension(run: RunSql): Promise<Extension | undefined> {
  const rows = (await run(
    `select x.default_version as offered, e.extversion as version, n.nspname as schema
    from pg_available_extensions x left join pg_extension e on e.extname = x.name
    left join pg_namespace n on n.oid = e.extnamespace where x.name = 'vector'`,
  )) as Extension[];
  return rows[0];
}

/**
 * Creates pgvector where this role may, tries it, and makes the table that it compares vectors from: a migration could not, since it
 * would have to fit databases without it. Never fails: what is wanting is said in the answer. Needs the migrated schema.
 */
export async function ensureVectors(run: RunSql): Promise<VectorSupport> {
  try {
    return await inLockedTransaction(run, LOCK, () => ensure(run));
  } catch (error) {
    return lacking(`pgvector does not work: ${ReeveError.from(error).message}`);
  }
}

async function ensure(run: RunSql): Promise<VectorSupport> {
  const extension = await readExtension(run);
  // Refused to most roles, which the next look then says.
  if (extension?.version === null && !isOld(extension.offered)) {
    await run('savepoint creating');
    await run('create extension if not exists vector').catch(() => run('rollback to savepoint creating'));
  }
  const found = await findVectors(run);
  if (!found.available) return found;
  const schema = `"${found.schema.replaceAll('"', '""')}"`;
  await run(`select '[1]'::${schema}.vector operator(${schema}.<#>) '[1]'::${schema}.vector`);
  const columns = await run(
    `select 1 from pg_attribute where attrelid = to_regclass('embedding_vectors') and attname = 'vector' and not attisdropped`,
  );
  if (columns.length === 0) await run(VECTORS.replaceAll('{schema}', schema));
  return found;
}

/**
 * The vectors of large spaces once more, in the type that pgvector compares. `changed` is that of the row that it was made of. The
 * table is without its column, and made anew, where the extension was dropped with what depends on it.
 */
export const VECTORS = `
  drop table if exists embedding_vectors;
  create table embedding_vectors (
    space_id     int not null,
    ref          text collate "C" not null,
    embedding_id int not null,
    tenant_id    text not null,
    changed      bigint not null,
    vector       {schema}.vector not null,
    primary key (space_id, ref, embedding_id),
    foreign key (space_id, ref, embedding_id) references embeddings on delete cascade
  );
  create index embedding_vectors_changed on embedding_vectors (embedding_id, space_id, changed, ref);
  alter table embedding_vectors alter column vector set storage main;
  alter table embedding_vectors enable row level security;
  create policy own_tenant on embedding_vectors to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
  grant select, insert, update, delete on embedding_vectors to reeve_tenant`;

function lacking(reason: string): VectorSupport {
  return { available: false, reason };
}

function isOld(version: string): boolean {
  return version.localeCompare(OLDEST, 'en', { numeric: true }) < 0;
}

const LOCK = 7_263_004;
