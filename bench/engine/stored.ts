import pg from 'pg';

/** Bytes of a database. */
export interface Stored {
  /** Every value in every table, as it is stored. */
  readonly values: number;
  /** Tables with their indexes. */
  readonly tables: number;
}

/** What a database holds, vacuumed first. */
export async function bytesIn(url: string): Promise<Stored> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query('vacuum');
    const { rows: columns } = await client.query<{ table: string; columns: string[] }>(`
      select format('%I.%I', n.nspname, c.relname) as table, array_agg(format('%I', a.attname)::text) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and a.attnum > 0 and not a.attisdropped
      group by 1`);
    let values = 0;
    for (const { table, columns: names } of columns) {
      const sizes = names.map((name) => `coalesce(sum(pg_column_size(${name})), 0)`).join(' + ');
      const { rows } = await client.query<{ bytes: number }>(`select (${sizes})::float8 as bytes from ${table}`);
      values += rows[0]!.bytes;
    }
    const { rows } = await client.query<{ bytes: number }>(`
      select sum(pg_total_relation_size(c.oid))::float8 as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`);
    return { values, tables: rows[0]!.bytes };
  } finally {
    await client.end();
  }
}
