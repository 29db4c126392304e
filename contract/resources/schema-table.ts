/** The form in which the shapes of kinds are written down: read by schema.ts, made by generate-schema.ts and own-schema.ts. */

/**
 * Field types: a scalar's name (see schema-scalars.ts), another type of the table, `any`, `[]T` for a list, `{}T` for a
 * map with free keys. A trailing `!` marks a required field.
 */
export interface SchemaTable {
  /** `apps/v1 Deployment` to the name of its type. */
  kinds: Record<string, string>
  types: Record<string, Record<string, string>>
}
