//! A simulated Databricks account, served over HTTP.
