// A table of a given size whose rows fill a page each, made once for each site: what COPY moves.

import type { Site } from '../site.js'

/** Bytes of a row: the most that stays in its page. */
const ROW = 8000

export interface BulkTable {
  readonly table: string
  readonly bytes: number
}

export async function bulkTable(site: Site, mebibytes: number): Promise<BulkTable> {
  const table = `bulk_${mebibytes}`
  const rows = Math.ceil((mebibytes * 2 ** 20) / ROW)
  if ((await site.sql(`select to_regclass('${table}')`)) === '')
    await site.sql(
      `create unlogged table ${table} (filler text)`,
      // Neither compressed nor moved out of the row.
      `alter table ${table} alter filler set storage plain`,
      `insert into ${table} select repeat(md5(n::text), ${ROW / 32}) from generate_series(1, ${rows}) n`,
      `vacuum (freeze, analyze) ${table}`,
    )
  return { table, bytes: rows * ROW }
}
