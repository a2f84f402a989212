/** $1: replica's id. */
export const forgetReplica = (schema: string): string => `DELETE FROM ${schema}.replicas WHERE id = $1`;
