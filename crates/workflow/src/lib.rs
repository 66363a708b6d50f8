//! Durable runs: steps, log, resume. Knows nothing of Databricks.
