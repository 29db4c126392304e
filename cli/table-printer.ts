/** Prints rows of one kind under one header, as they come. */
import type { Kind } from '../contract/resources/kinds.ts'
import type { AnyObject } from '../contract/resources/meta.ts'
import type { NodeMetrics } from '../contract/resources/node.ts'
import { renderTable } from './table.ts'
import type { Column } from './tables/table-kind.ts'
import { cellsOf, columnsOf, type TableView, titlesOf } from './tables/tables.ts'
import type { Terminal } from './terminal.ts'

export class TablePrinter {
  #terminal: Terminal
  #columns: Column<AnyObject>[]
  #cuttable: number[]
  #headersDue: boolean
  /** Columns keep their places when later rows come. */
  #widths: number[] = []

  constructor(terminal: Terminal, kind: Kind, view: TableView & { headers: boolean }) {
    this.#terminal = terminal
    this.#columns = columnsOf(kind, view)
    this.#cuttable = this.#columns.flatMap((column, index) => (column.cuttable ? [index] : []))
    this.#headersDue = view.headers
  }

  print(objects: AnyObject[], usage: ReadonlyMap<string, NodeMetrics> = new Map()): void {
    const context = { nowMs: this.#terminal.clock.now(), usage }
    const rows = objects.map(object => cellsOf(this.#columns, object, context))
    if (this.#headersDue) rows.unshift(titlesOf(this.#columns))
    this.#headersDue = false
    const maxWidth = this.#terminal.size()?.columns
    const { lines, widths } = renderTable(rows, { maxWidth, cuttable: this.#cuttable, widths: this.#widths })
    this.#widths = widths
    this.#terminal.print(lines.map(line => `${line}\n`).join(''))
  }
}
